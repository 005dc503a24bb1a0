"""How late the event loop is: the delay every request on it suffers."""

import asyncio

from prometheus_client import Histogram

INTERVAL = 0.25


async def watch_event_loop(lag: Histogram, *, interval: float = INTERVAL) -> None:
    """Observe the loop's lag in seconds, every `interval` seconds, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        expected = loop.time() + interval
        await asyncio.sleep(interval)
        lag.observe(max(0.0, loop.time() - expected))
