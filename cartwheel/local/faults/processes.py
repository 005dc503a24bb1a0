"""Stopping and throttling a process of the shop."""

import asyncio
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import psutil

from cartwheel.local.replica_process import Replica

THROTTLE_PERIOD = 0.05  # seconds: it runs for a share of each period
CHILDREN_MAX_AGE = 1.0  # seconds: to list them takes longer than to stop them
RESUME_ORPHANS = Path(__file__).with_name("resume_orphans.py")


class StoppableProcess:
    """The process that a replica runs now, and the children that it has (Postgres' backends).

    When the replica has started another process since, nothing happens to that one. ``orphans``
    gets the ids of the children, to resume them if this process is killed; None if it has none.
    """

    def __init__(self, replica: Replica, *, orphans: asyncio.StreamWriter | None) -> None:
        self._process = replica.process
        self._orphans = orphans
        self._children: list[psutil.Process] = []
        self._reported: set[psutil.Process] = set()
        self._listed_at = float("-inf")

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.returncode is not None

    def stop(self) -> None:
        """Stop it (SIGSTOP)."""
        self._send(signal.SIGSTOP)
        # Afterwards, because a process that is stopped starts no others.
        self._list_children()
        for child in self._children:
            with suppress(psutil.Error):
                child.suspend()

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self._send(signal.SIGCONT)
        for child in self._children:
            # psutil compares start times, so this is never another process of the same id.
            with suppress(psutil.Error):
                child.resume()

    def _list_children(self) -> None:
        is_recent = time.monotonic() - self._listed_at < CHILDREN_MAX_AGE
        if self._orphans is None or self._process is None or self.has_ended or is_recent:
            return
        self._listed_at = time.monotonic()
        self._children = _children(self._process.pid)
        # Each once: the reader keeps a descriptor per process.
        new = set(self._children) - self._reported
        self._orphans.write(b"".join(b"%d\n" % child.pid for child in new))
        self._reported |= new

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and not self.has_ended:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


@asynccontextmanager
async def stopped(replica: Replica) -> AsyncIterator[None]:
    """Keep its process stopped during the block."""
    async with _stoppable(replica) as process:
        process.stop()
        yield


@asynccontextmanager
async def throttled(replica: Replica, *, share: float) -> AsyncIterator[None]:
    """Let its process run only for a share of the time during the block."""
    async with _stoppable(replica) as process:
        throttling = asyncio.create_task(_throttle(process, share=share))
        try:
            yield
        finally:
            throttling.cancel()


@asynccontextmanager
async def _stoppable(replica: Replica) -> AsyncIterator[StoppableProcess]:
    """Its process, which goes on at the end of the block."""
    async with AsyncExitStack() as stack:
        # A replica of a service has none, but for the watcher of `die_with_parent` on macOS.
        has_children = replica.pid is not None and bool(_children(replica.pid))
        orphans = await stack.enter_async_context(_orphans()) if has_children else None
        process = StoppableProcess(replica, orphans=orphans)
        stack.callback(process.resume)
        yield process


@asynccontextmanager
async def _orphans() -> AsyncIterator[asyncio.StreamWriter]:
    """Takes the ids of processes to resume, at the latest when this process ends."""
    guardian = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(RESUME_ORPHANS)),
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=DEVNULL,
        process_group=0,
    )
    assert guardian.stdin is not None
    try:
        yield guardian.stdin
    finally:
        guardian.stdin.close()
        await guardian.wait()


def _children(pid: int) -> list[psutil.Process]:
    try:
        children: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
    return children


async def _throttle(process: StoppableProcess, *, share: float) -> None:
    while not process.has_ended:
        process.stop()
        await asyncio.sleep((1.0 - share) * THROTTLE_PERIOD)
        process.resume()
        await asyncio.sleep(share * THROTTLE_PERIOD)
