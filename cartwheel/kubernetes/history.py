"""What the controller remembers of an autoscaler, inferred from what the API shows.

The API shows neither recommendations nor scale events. The last change and the events of the
autoscaler say something about both; the rest has to be assumed.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cartwheel.autoscaling.decision import Condition, Recommendation, ScaleEvent
from cartwheel.autoscaling.state import State
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.times import parse_time

_NEW_SIZE = re.compile(r"New size: (?P<size>\d+); reason: (?P<reason>.*)")
# The controller writes the selector of a metric as Go prints it.
_GO_SELECTOR = re.compile(r"\((nil|&LabelSelector\{.*\})\)")

# The last sync recommended another count than it left, and nothing but a limit kept it.
_OTHER_COUNT = {"SucceededRescale", "ScaleUpLimit", "ScaleDownLimit", "TooFewReplicas"}


@dataclass(frozen=True)
class Rescale:
    """A change of the number of replicas that an event reports."""

    at: float
    replicas: int
    reason: str


def rescales(events: Sequence[Json], *, autoscaler: str) -> Sequence[Rescale]:
    """The changes that are still among the events, oldest first."""
    return sorted(_rescales(events, autoscaler), key=lambda one: one.at)


def inferred_state(autoscaler: Json, changes: Sequence[Rescale], *, now: float) -> State:
    """What the controller may remember.

    A count that the last sync left as it was has just been recommended, or it is held by an
    earlier recommendation that may count for the whole window yet. Only if the last sync made a
    change, or was limited, this count was last recommended at the last change.
    """
    status = autoscaler.get("status") or {}
    conditions = conditions_of(status)
    changed_at = parse_time(status.get("lastScaleTime"))
    is_recommended = not _OTHER_COUNT.intersection(one.reason for one in conditions.values())
    steps = [
        ScaleEvent(after.replicas - before.replicas, after.at)
        for before, after in pairwise(changes)
    ]
    return State(
        recommendations=[
            Recommendation(
                status.get("currentReplicas", 0), now if is_recommended else changed_at or 0.0
            )
        ],
        scale_ups=[one for one in steps if one.change > 0],
        scale_downs=[ScaleEvent(-one.change, one.at) for one in steps if one.change < 0],
        conditions=conditions,
    )


def conditions_of(status: Json) -> dict[str, Condition]:
    """The conditions of the status, by their type."""
    return {
        one["type"]: Condition(
            one["type"], one["status"] == "True", one.get("reason", ""), one.get("message", "")
        )
        for one in status.get("conditions") or ()
    }


def _rescales(events: Sequence[Json], autoscaler: str) -> Iterator[Rescale]:
    for event in events:
        if event["involvedObject"].get("name") != autoscaler:
            continue
        found = _NEW_SIZE.match(event.get("message") or "")
        at = parse_time(last_time_of(event))
        if event.get("reason") == "SuccessfulRescale" and found and at is not None:
            yield Rescale(at, int(found["size"]), _GO_SELECTOR.sub("", found["reason"]))


def last_time_of(event: Json) -> str | None:
    """The time of the last occurrence: each of the two event APIs writes other fields."""
    last: str | None = (
        (event.get("series") or {}).get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
    )
    return last
