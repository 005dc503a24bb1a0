"""The lag of the event loop: the delay that every request on it has."""

import asyncio
from collections.abc import Callable

from app.telemetry.cells import Histogram

INTERVAL = 0.25


async def measure_lag(
    lag: Histogram, *, report: Callable[[float], None], interval: float = INTERVAL
) -> None:
    """Observe and report the lag in seconds, every `interval` seconds, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        expected = loop.time() + interval
        await asyncio.sleep(interval)
        seconds = max(0.0, loop.time() - expected)
        lag.observe(seconds)
        report(seconds)
