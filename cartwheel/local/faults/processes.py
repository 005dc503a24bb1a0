"""Stopping, throttling and killing a process of the shop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import psutil

from cartwheel.local.replica_process import Replica

THROTTLE_PERIOD = 0.05  # seconds: it runs for a share of each period


class StoppableProcess:
    """The process that a replica runs now, and the children that it has (Postgres' backends).

    When the replica has started another process since, nothing happens to that one.
    """

    def __init__(self, replica: Replica) -> None:
        self._process = replica.process
        self._stopped_children: list[psutil.Process] = []

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.returncode is not None

    def stop(self) -> None:
        """Stop it (SIGSTOP)."""
        self._send(signal.SIGSTOP)
        # Afterwards, because a process that is stopped starts no others.
        self._stopped_children = self._children()
        for child in self._stopped_children:
            with suppress(psutil.Error):
                child.suspend()

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self._send(signal.SIGCONT)
        for child in self._stopped_children:
            # psutil compares start times, so this is never another process of the same id.
            with suppress(psutil.Error):
                child.resume()

    def _children(self) -> list[psutil.Process]:
        if self._process is None or self.has_ended:
            return []
        with suppress(psutil.Error):
            children: list[psutil.Process] = psutil.Process(self._process.pid).children(
                recursive=True
            )
            return children
        return []

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and not self.has_ended:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


@contextmanager
def stopped(replica: Replica) -> Iterator[None]:
    """Keep its process stopped during the block."""
    process = StoppableProcess(replica)
    process.stop()
    try:
        yield
    finally:
        process.resume()


@asynccontextmanager
async def throttled(replica: Replica, *, share: float) -> AsyncIterator[None]:
    """Let its process run only for a share of the time during the block."""
    process = StoppableProcess(replica)
    throttling = asyncio.create_task(_throttle(process, share=share))
    try:
        yield
    finally:
        throttling.cancel()
        process.resume()


async def _throttle(process: StoppableProcess, *, share: float) -> None:
    while not process.has_ended:
        process.stop()
        await asyncio.sleep((1.0 - share) * THROTTLE_PERIOD)
        process.resume()
        await asyncio.sleep(share * THROTTLE_PERIOD)
