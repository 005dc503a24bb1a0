"""The entries of a recording that is being written, as they come."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from cartwheel.recording.entries import ENTRIES, Entry
from cartwheel.recording.recorder import earlier_file

FREQUENT = b'"type":"Synced"'
START = b'"type":"SessionStarted"'


class RecordingTail:
    """Reads a recording from where it ends now; a file that does not exist yet from its start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._unfinished = b""

    def earlier_entries(self) -> Iterator[Entry]:
        """What the file has already, but for the decisions; call it first."""
        for line in self._new_lines():
            if not line.endswith(FREQUENT + b"}"):
                yield from _entry(line)

    def session_entries(self) -> Iterator[Entry]:
        """What is there already of the session that began last, or nothing; call it first.

        With what the earlier file has of it: the start is repeated where a file begins.
        """
        lines = list(self._new_lines())
        start = next((line for line in reversed(lines) if line.endswith(START + b"}")), None)
        if start is None:
            return
        begin = lines.index(start)
        if begin == 0:
            yield from _entries_since(start, earlier_file(self._path))
        for line in lines[begin:]:
            yield from _entry(line)

    def new_entries(self) -> Iterator[Entry]:
        """What has been written since the last call."""
        is_replaced = self._is_replaced()  # asked first: then the old file has all its lines
        for line in self._new_lines():
            yield from _entry(line)
        if is_replaced:
            self.close()
            yield from self.new_entries()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._unfinished = None, b""

    def _new_lines(self) -> Iterator[bytes]:
        if self._file is None:
            with suppress(OSError):
                self._file = self._path.open("rb")
        if self._file is None:
            return
        for line in self._file:
            line = self._unfinished + line
            if not line.endswith(b"\n"):
                self._unfinished = line
                return
            self._unfinished = b""
            yield line.rstrip()

    def _is_replaced(self) -> bool:
        """Whether a new file has begun in place of a full one."""
        if self._file is None:
            return False
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return False


def _entries_since(start: bytes, path: Path) -> Iterator[Entry]:
    """The entries of a file from that line on; none if it does not have it."""
    with suppress(OSError), path.open("rb") as file:
        has_begun = False
        for line in file:
            has_begun = has_begun or line.rstrip() == start
            if has_begun:
                yield from _entry(line)


def _entry(line: bytes) -> Iterator[Entry]:
    # A line of a newer version is not worth an end of the load.
    with suppress(ValidationError):
        yield ENTRIES.validate_json(line)
