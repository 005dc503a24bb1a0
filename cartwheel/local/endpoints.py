"""Who can be called: one file a service, in the format Prometheus reads (file_sd)."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

from cartwheel.errors import described
from cartwheel.local.replica_log import Tell
from cartwheel.local.sockets import OWN_HOST
from cartwheel.local.state_folder import replace_text

TRY_AGAIN_AFTER = 1.0  # seconds


class EndpointsFile:
    """Follows who is ready. A write that fails is told, and tried again until it succeeds."""

    def __init__(self, path: Path, tell: Tell) -> None:
        self.problem: str | None = None
        self._path = path
        self._tell = tell
        self._wanted: list[tuple[str, int]] = []
        self._written: list[tuple[str, int]] | None = None
        self._again: asyncio.TimerHandle | None = None

    def publish(self, ready: Iterable[tuple[str, int]]) -> None:
        """Replace the file by the ready replicas, given as name and own port. Does not raise."""
        self._wanted = list(ready)
        if self._wanted != self._written:
            self._write()

    def close(self) -> None:
        """Give up what could not be written yet."""
        if self._again is not None:
            self._again.cancel()

    def _write(self) -> None:
        self.close()
        groups = [
            {"targets": [f"{OWN_HOST}:{port}"], "labels": {"instance": name}}
            for name, port in self._wanted
        ]
        try:
            replace_text(self._path, json.dumps(groups))
        except OSError as error:
            self._failed(error)
            return
        self._written = self._wanted
        if self.problem is not None:
            self.problem = None
            self._tell("good", f"{self._path.name} is written again: callers know who is ready")

    def _failed(self, error: OSError) -> None:
        if self.problem is None:
            self.problem = f"{self._path.name} cannot be written ({described(error)})"
            self._tell("bad", f"{self.problem}: tried again until it can, callers know the old one")
        self._again = asyncio.get_running_loop().call_later(TRY_AGAIN_AFTER, self._write)
