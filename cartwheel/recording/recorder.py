"""Writes a recording: one line an entry, in at most two files of a bounded size."""

import os
from contextlib import suppress
from pathlib import Path

from cartwheel.recording.entries import ENTRIES, AutoscalerChanged, Entry, SessionStarted

MAX_FILE_SIZE = 32 * 1000**2  # bytes


def earlier_file(path: Path) -> Path:
    """Where the entries are that no longer fit into the recording."""
    return path.with_name(f"{path.name}.1")


class Recorder:
    """Appends to a recording.

    A full file becomes the earlier one, which is overwritten, and a new file begins with the
    autoscalers at work and their manifests in force. An entry that cannot be written, for lack of
    space for example, is lost: a recording must not stop what it records. ``problem`` then says
    why, until one is written.
    """

    def __init__(self, path: Path, *, max_size: int = MAX_FILE_SIZE) -> None:
        """Raises `OSError` if the file cannot be opened."""
        self._path = path
        self._max_size = max_size
        self._descriptor = _open(path)
        self._size = _cut_unfinished_line(self._descriptor)
        self._in_force: dict[str, list[bytes]] = {}
        self.problem: str | None = None

    def record(self, entry: Entry) -> None:
        """Write an entry; it is in the file when this returns."""
        line = ENTRIES.dump_json(entry) + b"\n"
        self._remember(entry, line)
        try:
            if self._size and self._size + len(line) > self._max_size:
                self._start_new_file()
            self._write(line)
        except OSError as error:
            self.problem = error.strerror or str(error)
        else:
            self.problem = None

    def close(self) -> None:
        os.close(self._descriptor)

    def _start_new_file(self) -> None:
        """If it fails, the full one stays where it is, and the next entry tries again."""
        new = self._path.with_name(f"{self._path.name}.new")
        descriptor = _open(new)
        try:
            os.ftruncate(descriptor, 0)
            with suppress(FileNotFoundError):
                self._path.replace(earlier_file(self._path))
            new.replace(self._path)
        except OSError:
            os.close(descriptor)
            raise
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, 0
        for lines in self._in_force.values():
            for line in lines:
                self._write(line)

    def _remember(self, entry: Entry, line: bytes) -> None:
        """A workload has one autoscaler: another one takes its place."""
        if isinstance(entry, SessionStarted):
            self._in_force[entry.autoscaler.target.name] = [line]
        elif isinstance(entry, AutoscalerChanged):
            started = self._in_force.get(entry.autoscaler.target.name, [])[:1]
            self._in_force[entry.autoscaler.target.name] = [*started, line]

    def _write(self, line: bytes) -> None:
        """The whole line or nothing of it."""
        try:
            if os.write(self._descriptor, line) < len(line):
                raise OSError("no space left for a whole line")
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(line)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _cut_unfinished_line(descriptor: int) -> int:
    """Remove what a process that was killed left of a line; the size after that."""
    size = os.fstat(descriptor).st_size
    kept, step = size, 64 * 1024
    while kept:
        start = max(0, kept - step)
        end = os.pread(descriptor, kept - start, start).rfind(b"\n")
        kept = start + end + 1
        if end >= 0:
            break
    if kept < size:
        os.ftruncate(descriptor, kept)
    return kept
