"""What happens in a run, for programs that follow it: JSON lines in a file or a pipe.

    {"event": "seen", "fault": "cart-hung", "at": 1764170000.1, "after": 0.8, "value": 1.0, …}

Events: ``begins`` (the usual is measured), ``injected``, ``seen``, ``ended``, ``result`` (as in the
document of `--json`), ``settles`` (the shoppers finish what is open), ``checked``.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from cartwheel.errors import UsageError


class EventFile:
    """Writes one line an event. Without a file, or once nobody reads it, nothing happens."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file

    def write(self, event: str, **details: Any) -> None:
        """The line is in the file when this returns."""
        if self._file is None:
            return
        line = json.dumps({"event": event, "at": time.time(), **details})
        # A run goes on when its reader has gone, or the disk is full.
        with suppress(OSError):
            self._file.write(f"{line}\n")
            self._file.flush()


@contextmanager
def open_events(path: Path | None) -> Iterator[EventFile]:
    """Events are written to this file during the block. Raises `UsageError`."""
    if path is None:
        yield EventFile()
        return
    try:
        file = path.open("a")
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}).") from None
    try:
        yield EventFile(file)
    finally:
        with suppress(OSError):
            file.close()
