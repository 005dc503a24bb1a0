"""What a recording without frames shows: its autoscaler, and that it has no more."""

from collections.abc import Iterator, Sequence

from cartwheel.autoscaling.observation import Observation, Values
from cartwheel.console.autoscaler_state import Decided, ReplicaCounts, autoscaler_state
from cartwheel.console.history.points import Point, point_of
from cartwheel.console.history.store import StoredFrame
from cartwheel.console.sessions.autoscaler_session import AutoscalerSession, session_at
from cartwheel.explain.explanation import Sync, explain_sync
from cartwheel.mesh import Frame, Mark
from cartwheel.recording import Synced

NO_FRAMES = (
    "This recording has the autoscaler only: no services, no calls. A session that the console "
    "saves has them."
)


class RecordedDecisions:
    """An archive of the syncs; each is a frame with the autoscaler in it, and nothing else."""

    def __init__(self, sessions: Sequence[AutoscalerSession]) -> None:
        self._sessions = sessions
        self._points: list[Point] = []
        self._marks: list[Mark] = []
        for session in sessions:
            for sync in session.all_syncs():
                self._points.append(point_of(_frame(session, sync)))
                self._marks.extend(_marks(session, sync))

    def span(self) -> tuple[float, float] | None:
        times = [one.at for one in self._points]
        return (min(times), max(times)) if times else None

    def frame_at(self, at: float) -> StoredFrame | None:
        session = session_at(self._sessions, at)
        return None if session is None else StoredFrame.of(_frame(session, session.sync_at(at)))

    def points(self, start: float, end: float) -> Sequence[Point]:
        return [one for one in self._points if start <= one.at <= end]

    def frames(self, start: float, end: float) -> Sequence[StoredFrame]:
        found = [self.frame_at(one.at) for one in self.points(start, end)]
        return [one for one in found if one is not None]

    def marks(self, start: float, end: float) -> Sequence[Mark]:
        return [one for one in self._marks if start <= one.at <= end]


def _frame(session: AutoscalerSession, sync: Synced) -> Frame:
    in_force = session.in_force_at(sync.at)
    texts = _sentences(session, sync)
    decided = Decided(
        in_force.autoscaler, sync.observation, sync.decision, in_force.units, next(texts, "")
    )
    counts = _counts(session, sync)
    state = autoscaler_state(decided, counts, arrivals=_arrivals(sync.observation))
    return Frame(sync.at, autoscaler=state, headline=state.sentence, problem=NO_FRAMES)


def _counts(session: AutoscalerSession, sync: Synced) -> ReplicaCounts:
    """As recorded; a recording that has lost its beginning has what the sync saw."""
    found = session.counts_at(sync.at)
    if found is not None:
        return ReplicaCounts(found.desired, found.ready, found.serving)
    ready = sum(one.ready is True for one in sync.observation.pods)
    return ReplicaCounts(sync.decision.desired, ready, ready)


def _arrivals(observation: Observation) -> float | None:
    values = [one for one in observation.readings if isinstance(one, Values)]
    return sum(values[0].values) / 1000 if values else None


def _marks(session: AutoscalerSession, sync: Synced) -> Iterator[Mark]:
    decision = sync.decision
    if decision.desired != decision.current:
        title = f"{decision.current} → {decision.desired}"
        what, *why = _sentences(session, sync)
        yield Mark(sync.at, "decision", title, next(iter(why), what))


def _sentences(session: AutoscalerSession, sync: Synced) -> Iterator[str]:
    """The sentences of an explanation; they need nothing of what was before."""
    in_force = session.in_force_at(sync.at)
    options = session.start.options
    seen = Sync(in_force.autoscaler, options, sync.observation, sync.decision, None, in_force.units)
    return (one.text for one in explain_sync(seen, source="").sentences)
