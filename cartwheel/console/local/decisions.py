"""What the autoscaler of the local run decided, and why: it follows the recording."""

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from cartwheel.autoscaling.keda import generated_autoscaler
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.sentences import explain
from cartwheel.console.autoscaler_state import Decided
from cartwheel.errors import CommandError
from cartwheel.explain.explanation import Explanation, Sync, explain_sync
from cartwheel.explain.recorded import explain_recorded
from cartwheel.explain.session_replay import SessionReplay
from cartwheel.explain.times import TimeOfDay
from cartwheel.invocation import display_path
from cartwheel.local.autoscaling.announcements import describe_reason
from cartwheel.local.state_folder import StateFolder
from cartwheel.mesh import Mark
from cartwheel.recording import AutoscalerChanged, Entry, RecordingTail, SessionStarted, Synced

KEPT = 15 * 60.0
"""Seconds for which each sync is kept with what the autoscaler remembered after it."""
NOTHING_DECIDED = "The autoscaler has decided nothing yet."


class Decisions:
    """The last syncs of the session that began last."""

    def __init__(
        self, folder: StateFolder, *, kept: float = KEPT, now: Callable[[], float] = time.time
    ) -> None:
        self._path = folder.recording
        self._kept = kept
        self._now = now
        self._tail = RecordingTail(folder.recording)
        self._replay: SessionReplay | None = None
        self._syncs: deque[Sync] = deque()

    def read_earlier(self) -> Sequence[Mark]:
        """Read what is recorded already, as `read_new` does; of a long session it takes seconds."""
        self.close()
        self._replay = None
        self._syncs.clear()
        return list(self._marks(self._tail.session_entries()))

    def close(self) -> None:
        """Let go of the recording."""
        self._tail.close()

    def read_new(self) -> Iterator[Mark]:
        """Read on; a mark for each decision that changes the count."""
        return self._marks(self._tail.new_entries())

    def _marks(self, entries: Iterator[Entry]) -> Iterator[Mark]:
        for entry in entries:
            sync = self._take(entry)
            if sync is not None and sync.decision.desired != sync.decision.current:
                yield _mark(sync)

    def latest(self, *, since: float) -> Decided | None:
        """The last sync; without one, the autoscaler that has begun to work since then."""
        if self._replay is None or self._replay.start.at < since:
            return None
        in_force = self._replay.in_force
        if not self._syncs:
            return Decided(in_force.autoscaler, units=in_force.units)
        last = self._syncs[-1]
        return Decided(
            # Of another manifest the first decision is a moment away.
            in_force.autoscaler,
            last.observation,
            last.decision if last.autoscaler == in_force.autoscaler else None,
            in_force.units,
            _first_sentence(last, self._now()),
        )

    @property
    def last_sync(self) -> float | None:
        return self._syncs[-1].decision.at if self._syncs else None

    @property
    def sync_period(self) -> float:
        return self._replay.start.options.sync_period if self._replay else 0.0

    def explanation(self, at: float | None) -> Explanation | None:
        """Why it wanted its count then, by default now; None before the syncs that are kept.

        Raises `CommandError`.
        """
        if at is None:
            if not self._syncs:
                raise CommandError(NOTHING_DECIDED)
            return explain_sync(self._syncs[-1], source="local run", now=self._now())
        place = bisect_right(self._syncs, at, key=lambda sync: sync.decision.at) - 1
        if place < 0:
            return None
        source = f"recording {display_path(self._path)}"
        return explain_sync(self._syncs[place], source=source, now=at)

    def recorded_explanation(self, at: float) -> Explanation:
        """The same from the whole recording: it takes seconds. Raises `CommandError`."""
        if not self._path.exists():
            raise CommandError(NOTHING_DECIDED)
        moment = datetime.fromtimestamp(at).astimezone()
        return explain_recorded(self._path, at=TimeOfDay(moment.time(), moment))[-1]

    def _take(self, entry: Entry) -> Sync | None:
        match entry:
            case SessionStarted():
                if self._replay is None or self._replay.start != entry:
                    self._replay = SessionReplay(entry)
                    self._syncs.clear()
            case AutoscalerChanged() if self._replay is not None:
                self._replay.change(entry)
            case Synced() if self._replay is not None:
                sync = self._replay.sync(entry)
                self._keep(sync)
                return sync
        return None

    def _keep(self, sync: Sync) -> None:
        self._syncs.append(sync)
        while self._syncs[0].decision.at < sync.decision.at - self._kept:
            self._syncs.popleft()


def _mark(sync: Sync) -> Mark:
    decision = sync.decision
    reason = describe_reason(decision, units=sync.units)
    return Mark(
        decision.at,
        "decision",
        f"{decision.current} → {decision.desired}",
        f"{reason[0].upper()}{reason[1:]}.",
    )


def _first_sentence(sync: Sync, now: float) -> str:
    autoscaler = sync.autoscaler
    if isinstance(autoscaler, ScaledObject):
        autoscaler = generated_autoscaler(autoscaler)
    sentences = explain(
        sync.decision,
        autoscaler,
        observation=sync.observation,
        options=sync.options,
        units=sync.units,
        now=now,
    )
    return sentences[0].text if sentences else ""
