"""Whether the code on disk is still the code that this process has imported."""

import os
import sys
import time

Stamp = tuple[int, int, int]


class LoadedFiles:
    """The files of the modules that are imported; make it before the first of them is."""

    def __init__(self) -> None:
        self._started_ns = time.time_ns()
        self._stamps: dict[str, Stamp | None] = {}

    def remember(self) -> None:
        """Note how the files of all imported modules look."""
        files = {getattr(module, "__file__", None) for module in sys.modules.values()}
        self._stamps = {file: _stamp(file) for file in files if file is not None}

    def have_changed(self) -> bool:
        """Whether a file differs from what was imported, or may."""
        return any(
            # Changed after the start, perhaps between its import and `remember`.
            stamp is None or stamp[0] >= self._started_ns or stamp != _stamp(file)
            for file, stamp in self._stamps.items()
        )


def _stamp(file: str) -> Stamp | None:
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
