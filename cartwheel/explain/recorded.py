"""Explains a decision of a recorded session."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cartwheel.errors import CommandError, UsageError
from cartwheel.explain.explanation import Explanation, explain_sync
from cartwheel.explain.session_replay import SessionReplay
from cartwheel.explain.times import TimeOfDay, show_time
from cartwheel.invocation import display_path
from cartwheel.recording import (
    AutoscalerChanged,
    Entry,
    RecordingError,
    SessionStarted,
    Synced,
    read_recording,
)


@dataclass(frozen=True)
class Session:
    """What one autoscaler did, from its start to the end of the recording or a restart.

    ``entries`` are its syncs and the changes of its manifest.
    """

    start: SessionStarted
    entries: list[Synced | AutoscalerChanged]

    @property
    def syncs(self) -> list[Synced]:
        return [one for one in self.entries if isinstance(one, Synced)]


def explain_recorded(
    path: Path, *, name: str | None = None, at: TimeOfDay | None = None
) -> list[Explanation]:
    """The autoscalers of the recording at that time, by default at its end.

    Raises `UsageError` for a file that is no recording and for a time outside it.
    """
    sessions = read_sessions(path)
    source = f"recording {display_path(path)}"
    known = {one.start.autoscaler.name for one in sessions}
    if name is not None and name not in known:
        raise UsageError(f"{display_path(path)} knows {', '.join(sorted(known))}, not {name}.")
    chosen = [one for one in sessions if name in (None, one.start.autoscaler.name)]
    last = max(one.syncs[-1].at for one in chosen)
    moment = last if at is None else _moment(at, min(one.syncs[0].at for one in chosen), last)
    # A workload has one autoscaler: another one has taken its place.
    running = {one.start.autoscaler.target: one for one in chosen if one.syncs[0].at <= moment}
    return [explain_session(one, moment, source=source) for one in running.values()]


def read_sessions(path: Path) -> list[Session]:
    """The sessions of a recording in which something was decided. Raises `CommandError`."""
    try:
        sessions = _sessions(read_recording(path))
    except RecordingError as error:
        raise UsageError(str(error)) from None
    if not sessions:
        raise CommandError(f"{display_path(path)} has no decision yet.")
    return sessions


def _sessions(entries: Iterable[Entry]) -> list[Session]:
    found: list[Session] = []
    current: dict[str, Session] = {}
    for entry in entries:
        match entry:
            case SessionStarted():
                session = Session(entry, [])
                # When a recording goes on in a new file, it repeats the start.
                before = current.get(entry.autoscaler.name)
                if before is None or before.start != entry:
                    current[entry.autoscaler.name] = session
                    found.append(session)
            case Synced() if entry.autoscaler in current:
                current[entry.autoscaler].entries.append(entry)
            case AutoscalerChanged() if entry.autoscaler.name in current:
                current[entry.autoscaler.name].entries.append(entry)
    return [one for one in found if one.syncs]


def _moment(at: TimeOfDay, first: float, last: float) -> float:
    moment = at.latest_before(last)
    if moment is None or moment < first:
        raise UsageError(
            f"The recording has no decision at {at}: it begins at {show_time(first)} and ends at "
            f"{show_time(last)}."
        )
    return moment


def explain_session(session: Session, moment: float, *, source: str) -> Explanation:
    """The last sync before a moment, or the first, with the state that a replay gives."""
    replay = SessionReplay(session.start)
    latest = None
    for entry in session.entries:
        if latest is not None and entry.at > moment:
            break
        if isinstance(entry, AutoscalerChanged):
            replay.change(entry)
        else:
            latest = replay.sync(entry)
    assert latest is not None  # a session has one sync at least
    return explain_sync(latest, source=source, now=moment)
