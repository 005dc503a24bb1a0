"""How late the event loop is: the delay every request on it suffers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import Histogram

INTERVAL = 0.25


@asynccontextmanager
async def watching_event_loop(lag: Histogram, *, interval: float = INTERVAL) -> AsyncIterator[None]:
    """Observe the loop's lag in seconds, every `interval` seconds, inside the block."""
    watcher = asyncio.create_task(_watch(lag, interval))
    try:
        yield
    finally:
        watcher.cancel()


async def _watch(lag: Histogram, interval: float) -> None:
    loop = asyncio.get_running_loop()
    while True:
        expected = loop.time() + interval
        await asyncio.sleep(interval)
        lag.observe(max(0.0, loop.time() - expected))
