"""What a replica runs: how it is started, probed and stopped."""

import signal
from typing import NamedTuple, Protocol

from cartwheel.local.child_processes import Child


class ProbeResult(NamedTuple):
    """Whether a process is alive and ready; ``reason`` says why one that is alive is not ready."""

    alive: bool
    ready: bool
    reason: str = ""


NO_RESPONSE = ProbeResult(alive=False, ready=False)


class Program(Protocol):
    """A program that a replica starts again and again."""

    stop_signal: signal.Signals

    async def start(self, name: str) -> tuple[Child, int]:
        """Start one process; returns it and the port it will listen on.

        Raises `OSError` when the machine has no resources left, `CommandError` while the
        supervisor stops.
        """
        ...

    async def probe(self, port: int, *, timeout: float) -> ProbeResult:
        """Ask the process on that port whether it is ready."""
        ...
