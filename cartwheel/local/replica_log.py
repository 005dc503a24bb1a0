"""The output of a replica: kept in a bounded file, its errors reported."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from cartwheel.errors import describe_error
from cartwheel.local.events import Emit
from cartwheel.local.topology import MAX_REPLICAS

MAX_FILE_SIZE = 4 * 1024 * 1024  # bytes; one older file of this size is kept beside it
# Of one service: those of the most replicas that may run at once, each with its older file.
MAX_FILES = 2 * MAX_REPLICAS
CHUNK_SIZE = 64 * 1024
MAX_LINE_LENGTH = 64 * 1024
TAIL_LINES = 20


class ReplicaLog:
    """The log of one replica. ``on_error`` is called with each error that the replica logs.

    Reading never waits for the disk: lines that cannot be written are dropped and counted.
    """

    def __init__(self, path: Path, *, on_error: Callable[[str], None], emit: Emit) -> None:
        # The last lines that are no log records: a traceback, or which settings are wrong.
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._file = LogFile(path, emit)
        self._on_error = on_error

    @property
    def lines_dropped(self) -> int:
        return self._file.lines_dropped

    async def copy_from(self, output: asyncio.StreamReader) -> None:
        """Copy the output until its end."""
        incomplete = b""
        try:
            while chunk := await output.read(CHUNK_SIZE):
                self._file.write(chunk)
                *lines, incomplete = (incomplete + chunk).split(b"\n")
                incomplete = incomplete[-MAX_LINE_LENGTH:]
                for line in lines:
                    self._inspect(line)
        finally:
            self._file.close()

    def _inspect(self, line: bytes) -> None:
        if not line.startswith(b"{"):
            if line.strip():
                self.tail.append(line.decode(errors="replace").strip())
            return
        # Cheaper than parsing every line: most are no errors.
        if b'"error"' not in line and b'"critical"' not in line:
            return
        record = _parse(line)
        if record.get("level") in ("error", "critical"):
            self._on_error(_summary(record))


class LogFile:
    """A file of bounded size. What the disk does not take is dropped and counted."""

    def __init__(self, path: Path, emit: Emit) -> None:
        self.lines_dropped = 0
        self._path = path
        self._emit = emit
        self._file: FileIO | None = None
        self._dropped_since_write = 0
        self._ends_in_mid_line = False

    def write(self, chunk: bytes) -> None:
        """Write, or drop and count. Does not raise."""
        rest = chunk
        try:
            file = self._open_with_room_for(len(chunk))
            if self._dropped_since_write:
                self._append(file, self._dropped_record())
            while rest:
                rest = rest[self._append(file, rest) :]
        except OSError as error:
            self._drop(rest, error)
            return
        if self._dropped_since_write:
            dropped = describe_dropped(self._dropped_since_write)
            self._emit("success", f"log is written again; {dropped}")
            self._dropped_since_write = 0

    def close(self) -> None:
        if self._file is not None:
            # The file is unbuffered, so an error here loses nothing.
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _open_with_room_for(self, size: int) -> FileIO:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if not self._path.exists():
                _delete_oldest(self._path.parent)
            self._file = self._path.open("ab", buffering=0)
        if self._file.tell() + size > MAX_FILE_SIZE:
            self.close()
            self._path.replace(self._path.with_suffix(".log.1"))
            self._file = self._path.open("ab", buffering=0)
        return self._file

    def _append(self, file: FileIO, text: bytes) -> int:
        """Returns how many bytes were written: a disk that is nearly full takes only a part."""
        written = file.write(text)
        if written:
            self._ends_in_mid_line = text[written - 1 : written] != b"\n"
        return written

    def _dropped_record(self) -> bytes:
        line = json.dumps({"event": "log.lines_dropped", "lines": self._dropped_since_write})
        return ("\n" if self._ends_in_mid_line else "").encode() + line.encode() + b"\n"

    def _drop(self, rest: bytes, error: OSError) -> None:
        if not self._dropped_since_write:
            self._emit(
                "failure",
                f"log cannot be written ({describe_error(error)}): its lines are dropped",
            )
        count = max(1, rest.count(b"\n"))
        self._dropped_since_write += count
        self.lines_dropped += count
        # The file may have been deleted: open it again for the next lines.
        self.close()


def describe_dropped(lines: int) -> str:
    """The count of dropped lines as a clause."""
    return "1 line was dropped" if lines == 1 else f"{lines:,} lines were dropped"


def _parse(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _summary(record: dict[str, Any]) -> str:
    event = str(record.get("event", "an error without a name"))
    if event.startswith("Traceback"):
        # The last line of a traceback is the exception.
        event = event.strip().splitlines()[-1]
    detail = next((record[key] for key in ("error", "detail", "reason") if record.get(key)), None)
    return f"{event}: {detail}" if detail else event


def _delete_oldest(folder: Path) -> None:
    """Make room for one more file."""
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[MAX_FILES - 1 :]:
        file.unlink(missing_ok=True)
