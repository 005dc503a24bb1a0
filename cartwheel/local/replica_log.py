"""What a replica prints: kept in a bounded file, its errors told."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from cartwheel.errors import described
from cartwheel.local.events import Kind
from cartwheel.local.topology import MAX_REPLICAS

Tell = Callable[[Kind, str], None]

FILE_LIMIT = 4 * 1024 * 1024  # bytes; one older file of this size is kept beside it
# Of one service: those of all that may run at once, each with its older file.
FILES_KEPT = 2 * MAX_REPLICAS
CHUNK = 64 * 1024
LINE_LIMIT = 64 * 1024
TAIL = 20


class ReplicaLog:
    """The log of one replica. ``on_error`` is told each error it logs.

    Reading never waits for the disk: what cannot be written is dropped, counted and told.
    """

    def __init__(self, path: Path, *, on_error: Callable[[str], None], tell: Tell) -> None:
        # The last lines that were not log records: a traceback, or what settings are wrong.
        self.tail: deque[str] = deque(maxlen=TAIL)
        self._file = LogFile(path, tell)
        self._on_error = on_error

    @property
    def lines_dropped(self) -> int:
        return self._file.lines_dropped

    async def keep(self, output: asyncio.StreamReader) -> None:
        """Keep what comes until the other end closes."""
        unfinished = b""
        try:
            while chunk := await output.read(CHUNK):
                self._file.write(chunk)
                *lines, unfinished = (unfinished + chunk).split(b"\n")
                unfinished = unfinished[-LINE_LIMIT:]
                for line in lines:
                    self._notice(line)
        finally:
            self._file.close()

    def _notice(self, line: bytes) -> None:
        if not line.startswith(b"{"):
            if line.strip():
                self.tail.append(line.decode(errors="replace").strip())
            return
        # Most lines are not errors, and this process has better things to do than to parse them.
        if b'"error"' not in line and b'"critical"' not in line:
            return
        record = _record(line)
        if record.get("level") in ("error", "critical"):
            self._on_error(_sentence(record))


class LogFile:
    """A bounded file that takes what the disk takes."""

    def __init__(self, path: Path, tell: Tell) -> None:
        self.lines_dropped = 0
        self._path = path
        self._tell = tell
        self._file: FileIO | None = None
        self._lost = 0  # lines, since the last that was written
        self._broken_off = False  # in the middle of a line

    def write(self, chunk: bytes) -> None:
        """Write, or drop and count. Does not raise."""
        rest = chunk
        try:
            file = self._with_room_for(len(chunk))
            if self._lost:
                self._append(file, self._gap())
            while rest:
                rest = rest[self._append(file, rest) :]
        except OSError as error:
            self._drop(rest, error)
            return
        if self._lost:
            self._tell("good", f"log is written again; {dropped(self._lost)}")
            self._lost = 0

    def close(self) -> None:
        if self._file is not None:
            # Nothing waits to be written: a file that is closed badly is closed all the same.
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _with_room_for(self, size: int) -> FileIO:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if not self._path.exists():
                _forget_oldest(self._path.parent)
            self._file = self._path.open("ab", buffering=0)
        if self._file.tell() + size > FILE_LIMIT:
            self.close()
            self._path.replace(self._path.with_suffix(".log.1"))
            self._file = self._path.open("ab", buffering=0)
        return self._file

    def _append(self, file: FileIO, text: bytes) -> int:
        """A disk that is nearly full takes a part; how much."""
        written = file.write(text)
        if written:
            self._broken_off = text[written - 1 : written] != b"\n"
        return written

    def _gap(self) -> bytes:
        line = json.dumps({"event": "log.lines_dropped", "lines": self._lost})
        return ("\n" if self._broken_off else "").encode() + line.encode() + b"\n"

    def _drop(self, rest: bytes, error: OSError) -> None:
        if not self._lost:
            self._tell("bad", f"log cannot be written ({described(error)}): its lines are dropped")
        count = max(1, rest.count(b"\n"))
        self._lost += count
        self.lines_dropped += count
        # The file may be gone, not full: open it anew for the next lines.
        self.close()


def dropped(lines: int) -> str:
    """A count of lines, as a person reads it."""
    return "1 line was dropped" if lines == 1 else f"{lines:,} lines were dropped"


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _sentence(record: dict[str, Any]) -> str:
    event = str(record.get("event", "an error without a name"))
    if event.startswith("Traceback"):
        # What went wrong stands on the last line, how it came to that above it.
        event = event.strip().splitlines()[-1]
    detail = next((record[key] for key in ("error", "detail", "reason") if record.get(key)), None)
    return f"{event}: {detail}" if detail else event


def _forget_oldest(folder: Path) -> None:
    """Make room for one more file."""
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[FILES_KEPT - 1 :]:
        file.unlink(missing_ok=True)
