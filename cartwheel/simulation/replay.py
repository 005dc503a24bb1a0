"""A recorded session again: the same decisions, and its load."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cartwheel.autoscaling.changes import Engine, changed
from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.keda import autoscaler_of
from cartwheel.autoscaling.manifests import Autoscaler
from cartwheel.autoscaling.observation import Observation, Values
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.spec import ResourceMetric
from cartwheel.errors import CommandError
from cartwheel.recording import AutoscalerChanged, Entry, SessionStarted, Synced
from cartwheel.simulation.load_shape import PastLoad, from_points

# A recording of a bounded size may have lost its beginning.
MAX_FIRST_SYNCS_MISSING = 5


@dataclass(frozen=True)
class Difference:
    """A decision that does not repeat."""

    at: float
    autoscaler: str
    recorded: int
    replayed: int


@dataclass(frozen=True)
class Replay:
    """``missing`` is how many seconds of the session are no longer in the recording."""

    decisions: int
    differences: Sequence[Difference]
    missing: float

    def describe(self) -> str:
        """One sentence."""
        if not self.differences:
            return f"All {self.decisions:,} decisions are the same."
        first = self.differences[0]
        found = (
            f"{len(self.differences):,} of {self.decisions:,} decisions differ; the first is that "
            f"of {first.autoscaler} at {first.at:.3f}: {first.recorded} replicas recorded, "
            f"{first.replayed} replayed."
        )
        if self.missing:
            found += (
                f" The first {self.missing:.0f} s of the session are not in the recording, and "
                "decisions rest on earlier ones."
            )
        return found


def replay(entries: Iterable[Entry]) -> Replay:
    """Feed a fresh engine with what was observed. Raises `CommandError` without a session."""
    engines: dict[str, Engine] = {}
    started: dict[str, SessionStarted] = {}
    decisions, missing, differences = 0, 0.0, []
    for entry in entries:
        # A recording that continues in a new file repeats the beginning there.
        if isinstance(entry, SessionStarted) and started.get(entry.autoscaler.name) != entry:
            started[entry.autoscaler.name] = entry
            engines[entry.autoscaler.name] = autoscaler_of(
                entry.autoscaler, entry.options, entry.state
            )
        elif isinstance(entry, AutoscalerChanged) and entry.autoscaler.name in engines:
            engines[entry.autoscaler.name] = changed(
                engines[entry.autoscaler.name], entry.autoscaler
            )
        if not isinstance(entry, Synced) or entry.autoscaler not in engines:
            continue
        if not decisions:
            missing = _missing(entry, started[entry.autoscaler])
        decisions += 1
        found = engines[entry.autoscaler].sync(entry.observation)
        if _outcome(found) != _outcome(entry.decision):
            differences.append(
                Difference(entry.at, entry.autoscaler, entry.decision.desired, found.desired)
            )
    if not decisions:
        raise CommandError("The recording has no decision of an autoscaler.")
    return Replay(decisions, differences, missing)


def load_of(entries: Iterable[Entry]) -> PastLoad:
    """The requests that the autoscaler saw, in the newest session that has any.

    A change of what is measured begins a session, too. Raises `CommandError` if there is none: CPU
    does not tell how many requests there were.
    """
    started: dict[str, SessionStarted] = {}
    measured: Sequence[object] = ()
    sessions: list[list[tuple[float, float]]] = [[]]
    for entry in entries:
        # A recording that continues in a new file repeats the beginning there.
        if isinstance(entry, SessionStarted) and started.get(entry.autoscaler.name) != entry:
            started[entry.autoscaler.name] = entry
            measured = _measured(entry.autoscaler)
            sessions.append([])
        elif isinstance(entry, AutoscalerChanged) and _measured(entry.autoscaler) != measured:
            measured = _measured(entry.autoscaler)
            sessions.append([])
        elif isinstance(entry, Synced) and (rate := _rate(entry.observation)) is not None:
            sessions[-1].append((entry.at, rate))
    found = [one for one in map(_rising, sessions) if len(one) > 1]
    if not found:
        raise CommandError("The recording has no load: no request metric was read.")
    return PastLoad(from_points(found[-1]), _note(found))


def _note(sessions: Sequence[Sequence[tuple[float, float]]]) -> str:
    if len(sessions) == 1:
        return ""
    start = datetime.fromtimestamp(sessions[-1][0][0]).isoformat(sep=" ", timespec="seconds")
    return f"Of {len(sessions)} sessions, the load is that of the newest, from {start} on."


def _measured(autoscaler: Autoscaler) -> Sequence[object]:
    """What its request metrics are, whatever their targets."""
    if isinstance(autoscaler, ScaledObject):
        return [(one.type, one.metadata.get("query")) for one in autoscaler.triggers]
    return [one.name for one in autoscaler.metrics if not isinstance(one, ResourceMetric)]


def _missing(first: Synced, session: SessionStarted) -> float:
    passed = first.at - session.at
    return passed if passed > MAX_FIRST_SYNCS_MISSING * session.options.sync_period else 0.0


def _outcome(decision: Decision) -> tuple[object, ...]:
    proposed = tuple(one.replicas for one in decision.proposals)
    return decision.desired, decision.winner, proposed


def _rate(observation: Observation) -> float | None:
    values = [one for one in observation.readings if isinstance(one, Values)]
    return sum(values[0].values) / 1000 if values else None


def _rising(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without those of a clock that was set back."""
    found: list[tuple[float, float]] = []
    for point in points:
        if not found or point[0] > found[-1][0]:
            found.append(point)
    return found
