"""A recording that is shown: what was to be seen, and why its autoscaler decided."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from cartwheel.console.history.archive import Archive
from cartwheel.console.sessions.autoscaler_session import AutoscalerSession, session_at
from cartwheel.console.sessions.line_index import LineIndex, RecordingFiles
from cartwheel.console.sessions.recorded_decisions import RecordedDecisions
from cartwheel.console.sessions.recorded_frames import RecordedFrames
from cartwheel.errors import CommandError, UsageError
from cartwheel.explain.explanation import Explanation, explain_sync
from cartwheel.explain.recorded import explain_session
from cartwheel.invocation import display_path
from cartwheel.recording import (
    AutoscalerChanged,
    Framed,
    Marked,
    RecordingError,
    RecordingLine,
    ReplicasChanged,
    SessionStarted,
)


class RecordedSession:
    """A file, of which only where its entries are is in memory.

    ``archive`` has its frames, or what a file without frames shows.
    """

    archive: Archive

    def __init__(self, path: Path) -> None:
        """Raises `UsageError` for a file that is no recording, `CommandError` for an empty one."""
        self._source = f"recording {path.name}"
        self._sessions: list[AutoscalerSession] = []
        try:
            self._files = RecordingFiles(path)
        except RecordingError as error:
            raise UsageError(f"{error}.") from None
        with ExitStack() as opened:
            opened.callback(self.close)
            self._read(path)
            opened.pop_all()

    def __enter__(self) -> "RecordedSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._files.close()

    def span(self) -> tuple[float, float]:
        """The times of the first and the last frame."""
        span = self.archive.span()
        assert span is not None
        return span

    def explanation(self, at: float | None) -> Explanation:
        """Why the autoscaler wanted its count then; None: at the end. Raises `CommandError`."""
        moment = self.span()[1] if at is None else at
        session = session_at(self._sessions, moment)
        if session is None:
            raise CommandError("No autoscaler had decided anything by then.")
        try:
            return explain_session(session.until(moment), moment, source=self._source)
        except RecordingError as error:
            raise CommandError(f"{error}.") from None

    def explanations(self, moments: Sequence[float]) -> Iterator[tuple[float, Explanation]]:
        """Those of many moments, which are in order: the sessions are replayed once.

        A moment before the first decision has none.
        """
        for session, own in groupby(moments, lambda moment: session_at(self._sessions, moment)):
            if session is None:
                continue
            syncs = session.replayed()
            latest, following = next(syncs), next(syncs, None)
            for moment in own:
                while following is not None and following.decision.at <= moment:
                    latest, following = following, next(syncs, None)
                yield moment, explain_sync(latest, source=self._source, now=moment)

    def _read(self, path: Path) -> None:
        self._frames = RecordedFrames(self._files)
        try:
            for line, number, offset in self._files.lines():
                self._take(line, number, offset)
            self._sessions = [one for one in self._sessions if one.syncs]
            has_frames = self._frames.span() is not None
            self.archive = self._frames if has_frames else RecordedDecisions(self._sessions)
        except RecordingError as error:
            raise UsageError(f"{error}.") from None
        if self.archive.span() is None:
            raise CommandError(f"{display_path(path)} has neither a frame nor a decision.")

    def _take(self, line: RecordingLine, number: int, offset: int) -> None:
        if line.type == "Synced":
            # Of a session whose start is lost, nothing can be explained.
            if self._sessions:
                self._sessions[-1].syncs.add(line, number, offset)
            return
        match line.entry():
            case Framed() as entry:
                self._frames.add_frame(entry, line, number, offset)
            case Marked() as entry:
                self._frames.add_mark(entry.mark)
            case SessionStarted() as entry:
                # A recording that goes on in a new file has the start again.
                if not self._sessions or self._sessions[-1].start != entry:
                    self._sessions.append(AutoscalerSession(entry, LineIndex(self._files)))
            case AutoscalerChanged() as entry if self._sessions:
                self._sessions[-1].changes.append(entry)
            case ReplicasChanged() as entry if self._sessions:
                self._sessions[-1].counts.append(entry)
