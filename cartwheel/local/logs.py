"""What a replica prints: kept in a bounded file, its errors told."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

FILE_LIMIT = 4 * 1024 * 1024  # bytes; one older file of this size is kept beside it
FILES_KEPT = 20  # of one service
CHUNK = 64 * 1024
LINE_LIMIT = 64 * 1024
TAIL = 20


class ReplicaLog:
    """The log file of one replica. ``on_error`` is told each error it logs."""

    def __init__(self, path: Path, on_error: Callable[[str], None]) -> None:
        self.path = path
        # The last lines that were not log records: a traceback, or what settings are wrong.
        self.tail: deque[str] = deque(maxlen=TAIL)
        self._on_error = on_error
        path.parent.mkdir(parents=True, exist_ok=True)
        _forget_oldest(path.parent)

    async def keep(self, output: asyncio.StreamReader) -> None:
        """Write what comes until the other end closes."""
        self.tail.clear()
        unfinished = b""
        file = self.path.open("ab")
        try:
            while chunk := await output.read(CHUNK):
                if file.tell() + len(chunk) > FILE_LIMIT:
                    file.close()
                    self.path.replace(self.path.with_suffix(".log.1"))
                    file = self.path.open("ab")
                file.write(chunk)
                file.flush()
                *lines, unfinished = (unfinished + chunk).split(b"\n")
                unfinished = unfinished[-LINE_LIMIT:]
                for line in lines:
                    self._notice(line)
        finally:
            file.close()

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
    files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[FILES_KEPT - 1 :]:
        file.unlink(missing_ok=True)
