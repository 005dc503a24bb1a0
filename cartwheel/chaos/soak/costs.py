"""What each fault, restart and scaling cost: computed from the figures of each second."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from cartwheel.chaos.soak.schedule import Kind
from cartwheel.chaos.soak.session import Change, Soak
from loadtest.figures import Figures

USUAL_FACTOR = 3.0
MIN_USUAL = 0.1
"""Seconds: the p95 of a second is usual up to this, or up to a multiple of the median if higher."""


@dataclass(frozen=True)
class Cost:
    """Of the seconds from the beginning of a change ``until`` the shop has recovered from it.

    ``missed`` requests were due and not sent: all shoppers waited, or the machine was busy.
    ``longest`` is the longest wait of a recorded operation for a response or an error.
    ``recovery`` is the time from its end to the first second without a failed request and with a
    usual latency: None if the next fault began first, and ended the time that is counted. Where two
    overlap, both have all of it.
    """

    change: Change
    requests: int
    failed: int
    missed: int
    longest: float | None
    recovery: float | None
    until: float


@dataclass(frozen=True)
class Together:
    """All changes of one kind and name."""

    kind: Kind
    name: str
    costs: Sequence[Cost]

    @property
    def failed(self) -> int:
        return sum(one.failed for one in self.costs)

    @property
    def missed(self) -> int:
        return sum(one.missed for one in self.costs)

    @property
    def longest(self) -> float | None:
        return max((one.longest for one in self.costs if one.longest is not None), default=None)

    @property
    def recovery(self) -> float | None:
        """The longest of those that are known."""
        return max((one.recovery for one in self.costs if one.recovery is not None), default=None)


def costs_of(soak: Soak) -> Sequence[Cost]:
    """Of what was done, in the order of the changes."""
    limit = usual_latency(soak.figures)
    faults = [one for one in soak.done if one.kind is Kind.FAULT]
    return [_cost(one, faults, soak, limit) for one in soak.done]


def undisturbed(soak: Soak, costs: Sequence[Cost]) -> Mapping[str, Sequence[Figures]]:
    """The seconds that are part of no cost: before the first change, and after it."""
    first = min((one.change.started_at for one in costs), default=float("inf"))
    free = [
        one
        for one in soak.figures
        if not any(
            one.started_at < cost.until and one.at > cost.change.started_at for cost in costs
        )
    ]
    return {
        "before the first of them": [one for one in free if one.at <= first],
        "while nothing was going on": [one for one in free if one.at > first],
    }


def together(costs: Sequence[Cost]) -> Sequence[Together]:
    """By kind and name; the one with most failed requests first."""

    def key(cost: Cost) -> tuple[str, str]:
        return cost.change.kind, cost.change.name

    groups = [
        Together(Kind(kind), name, list(found))
        for (kind, name), found in groupby(sorted(costs, key=key), key)
    ]
    return sorted(groups, key=lambda one: (-one.failed, -(one.longest or 0.0)))


def usual_latency(figures: Sequence[Figures]) -> float:
    """Up to which p95 a second counts as undisturbed."""
    latencies = [one.p95 for one in figures if one.p95 is not None and not one.failed]
    return max(USUAL_FACTOR * median(latencies), MIN_USUAL) if latencies else MIN_USUAL


def _cost(change: Change, faults: Sequence[Change], soak: Soak, limit: float) -> Cost:
    next_fault = min(
        (one.started_at for one in faults if one.started_at > change.started_at and one != change),
        default=float("inf"),
    )
    recovery = _recovery(change, soak.figures, limit=limit, before=next_fault)
    # A killed process is one moment; what it costs comes after it.
    until = next_fault if recovery is None else change.ended_at + recovery
    end = max(until, change.ended_at)
    during = [one for one in soak.figures if one.started_at < end and one.at > change.started_at]
    waits = [one for one in soak.waits if one.start < end and one.end > change.started_at]
    return Cost(
        change,
        requests=sum(one.due for one in during),
        failed=sum(one.failed for one in during),
        missed=sum(one.missed for one in during),
        longest=max((one.seconds for one in waits), default=None),
        recovery=recovery,
        until=end,
    )


def _recovery(
    change: Change, figures: Sequence[Figures], *, limit: float, before: float
) -> float | None:
    for second in figures:
        if second.at <= change.ended_at:
            continue
        if second.started_at >= change.ended_at and second.at > before:
            return None
        if not second.failed and second.p95 is not None and second.p95 <= limit:
            return max(second.started_at - change.ended_at, 0.0)
    return None
