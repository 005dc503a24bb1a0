"""Where the entries of a recording are in its files: a few bytes of memory an entry."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from cartwheel.recording import Entry, RecordingLine, lines_of, open_recording


class RecordingFiles:
    """The open files of a recording. Any thread may read."""

    def __init__(self, path: Path) -> None:
        """Raises `RecordingError`."""
        with ExitStack() as opened:
            self._files: Sequence[BinaryIO] = open_recording(path, opened)
            self._opened = opened.pop_all()
        self._lock = Lock()

    def lines(self) -> Iterator[tuple[RecordingLine, int, int]]:
        """All lines with the number of their file and where they begin in it."""
        for number, file in enumerate(self._files):
            file.seek(0)
            offset = 0
            for line in lines_of(file):
                yield line, number, offset
                offset += len(line.text)

    def read(self, number: int, offset: int) -> bytes:
        with self._lock:
            self._files[number].seek(offset)
            return self._files[number].readline()

    def close(self) -> None:
        self._opened.close()


class LineIndex:
    """Some entries of a recording in the order of their times."""

    def __init__(self, files: RecordingFiles) -> None:
        self._files = files
        self.times = array("d")
        self._numbers = array("B")
        self._offsets = array("Q")

    def __len__(self) -> int:
        return len(self.times)

    def add(self, line: RecordingLine, number: int, offset: int) -> None:
        """Take one more line. After a clock was set back, it replaces all that is not earlier."""
        while self.times and self.times[-1] >= line.at:
            for column in (self.times, self._numbers, self._offsets):
                column.pop()
        self.times.append(line.at)
        self._numbers.append(number)
        self._offsets.append(offset)

    def line(self, index: int) -> RecordingLine:
        text = self._files.read(self._numbers[index], self._offsets[index])
        return RecordingLine(self.times[index], "", text, f"entry {index + 1}")

    def entry(self, index: int) -> Entry:
        """Raises `RecordingError`."""
        return self.line(index).entry()

    def last_before(self, at: float) -> int | None:
        """The index of the last entry that is not later."""
        index = bisect_right(self.times, at) - 1
        return index if index >= 0 else None

    def between(self, start: float, end: float) -> range:
        """The indexes of the entries between two times."""
        return range(bisect_left(self.times, start), bisect_right(self.times, end))
