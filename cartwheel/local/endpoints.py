"""Endpoints files: the addresses of the ready replicas of a service, as Prometheus' file_sd."""

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path

from cartwheel.errors import describe_error
from cartwheel.local.events import Emit
from cartwheel.local.sockets import OWN_HOST
from cartwheel.local.state_folder import replace_text

RETRY_DELAY = 1.0  # seconds


class EndpointsFile:
    """Lists the ready replicas. A write that fails is reported and retried until it succeeds."""

    def __init__(self, path: Path, emit: Emit) -> None:
        self.problem: str | None = None
        self._path = path
        self._emit = emit
        self._ready: list[tuple[str, int]] = []
        self._written: list[tuple[str, int]] | None = None
        self._retry: asyncio.TimerHandle | None = None

    def publish(self, ready: Iterable[tuple[str, int]]) -> None:
        """List these replicas, given as name and own port. Does not raise."""
        self._ready = list(ready)
        if self._ready != self._written:
            self._write()

    def close(self) -> None:
        """Cancel a retry that is due."""
        if self._retry is not None:
            self._retry.cancel()

    def _write(self) -> None:
        self.close()
        groups = [
            {"targets": [f"{OWN_HOST}:{port}"], "labels": {"instance": name}}
            for name, port in self._ready
        ]
        try:
            replace_text(self._path, json.dumps(groups))
        except OSError as error:
            self._report_failure(error)
            return
        self._written = self._ready
        if self.problem is not None:
            self.problem = None
            self._emit("success", f"{self._path.name} is written again: callers are up to date")

    def _report_failure(self, error: OSError) -> None:
        if self.problem is None:
            self.problem = f"{self._path.name} cannot be written ({describe_error(error)})"
            self._emit("failure", f"{self.problem}: tried again; callers use the old file")
        self._retry = asyncio.get_running_loop().call_later(RETRY_DELAY, self._write)
