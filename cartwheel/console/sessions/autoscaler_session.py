"""An autoscaler of a recording, from one of its starts on."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cartwheel.console.sessions.beginnings import look_back
from cartwheel.console.sessions.line_index import LineIndex
from cartwheel.explain.explanation import Sync
from cartwheel.explain.recorded import Session
from cartwheel.explain.session_replay import SessionReplay
from cartwheel.recording import AutoscalerChanged, ReplicasChanged, SessionStarted, Synced


@dataclass
class AutoscalerSession:
    """Its syncs stay in the file. ``changes`` are those of its manifest, ``counts`` of replicas."""

    start: SessionStarted
    syncs: LineIndex
    changes: list[AutoscalerChanged] = field(default_factory=list)
    counts: list[ReplicasChanged] = field(default_factory=list)

    def all_syncs(self) -> Iterator[Synced]:
        """One after the other, from the file."""
        return (self._sync(index) for index in range(len(self.syncs)))

    def replayed(self) -> Iterator[Sync]:
        """All syncs, each with what the autoscaler remembered after it."""
        replay = SessionReplay(self.start)
        changes = deque(self.changes)
        for sync in self.all_syncs():
            while changes and changes[0].at <= sync.at:
                replay.change(changes.popleft())
            yield replay.sync(sync)

    def sync_at(self, at: float) -> Synced:
        """The last one before a moment; at least the first."""
        return self._sync(self.syncs.last_before(at) or 0)

    def in_force_at(self, at: float) -> SessionStarted | AutoscalerChanged:
        """What has the manifest of that moment."""
        before = [one for one in self.changes if one.at <= at]
        return before[-1] if before else self.start

    def counts_at(self, at: float) -> ReplicasChanged | None:
        """The replicas at a moment."""
        index = bisect_right(self.counts, at, key=lambda one: one.at)
        return self.counts[index - 1] if index else None

    def until(self, at: float) -> Session:
        """What an explanation of a moment needs: the syncs that still matter then."""
        syncs = self._syncs_that_matter(at)
        later = [one for one in self.changes if syncs[0].at < one.at <= at]
        entries: list[Synced | AutoscalerChanged] = [*later, *syncs]
        return Session(self._start_at(syncs[0].at), sorted(entries, key=lambda one: one.at))

    def _syncs_that_matter(self, at: float) -> Sequence[Synced]:
        """At least the last one."""
        autoscalers = [self.start.autoscaler, *(one.autoscaler for one in self.changes)]
        needed = max(look_back(one, self.start.options) for one in autoscalers)
        last = self.syncs.last_before(at) or 0
        first = min(last, self.syncs.between(self.syncs.times[last] - needed, at).start)
        return [self._sync(index) for index in range(first, last + 1)]

    def _start_at(self, at: float) -> SessionStarted:
        """The start itself, or one with the manifest that was in force at a later sync."""
        in_force = self.in_force_at(at)
        if in_force is self.start and at <= self.syncs.times[0]:
            return self.start
        return SessionStarted(
            at, in_force.autoscaler, self.start.options, in_force.units, in_force.manifest
        )

    def _sync(self, index: int) -> Synced:
        entry = self.syncs.entry(index)
        assert isinstance(entry, Synced)
        return entry


def session_at(sessions: Sequence[AutoscalerSession], at: float) -> AutoscalerSession | None:
    """The newest that had decided something by then."""
    begun = [one for one in sessions if one.syncs.times[0] <= at]
    return begun[-1] if begun else None
