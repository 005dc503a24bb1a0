"""The frames and marks of a recording. Frames stay in the file."""

from collections.abc import Sequence

from cartwheel.console.history.points import Point, point_of
from cartwheel.console.history.store import StoredFrame
from cartwheel.console.sessions.line_index import LineIndex, RecordingFiles
from cartwheel.mesh import Mark
from cartwheel.recording import Framed, RecordingLine

MAX_MARKS = 20_000


class RecordedFrames:
    """An archive."""

    def __init__(self, files: RecordingFiles) -> None:
        self._frames = LineIndex(files)
        self._points: list[Point] = []
        self._marks: list[Mark] = []

    def add_frame(self, entry: Framed, line: RecordingLine, number: int, offset: int) -> None:
        """One more frame, and where it is."""
        self._frames.add(line, number, offset)
        while self._points and self._points[-1].at >= entry.at:
            self._points.pop()
        self._points.append(point_of(entry.frame))

    def add_mark(self, mark: Mark) -> None:
        """One more mark."""
        while self._marks and self._marks[-1].at > mark.at:
            self._marks.pop()
        self._marks.append(mark)
        del self._marks[:-MAX_MARKS]

    def span(self) -> tuple[float, float] | None:
        times = self._frames.times
        return (times[0], times[-1]) if times else None

    def frame_at(self, at: float) -> StoredFrame | None:
        index = self._frames.last_before(at)
        return None if index is None else self._frame(index)

    def points(self, start: float, end: float) -> Sequence[Point]:
        return [one for one in self._points if start <= one.at <= end]

    def frames(self, start: float, end: float) -> Sequence[StoredFrame]:
        return [self._frame(index) for index in self._frames.between(start, end)]

    def marks(self, start: float, end: float) -> Sequence[Mark]:
        return [one for one in self._marks if start <= one.at <= end]

    def _frame(self, index: int) -> StoredFrame:
        entry = self._frames.entry(index)
        assert isinstance(entry, Framed)
        return StoredFrame.of(entry.frame)
