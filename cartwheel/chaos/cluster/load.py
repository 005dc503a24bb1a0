"""Shoppers during a fault: the load generator in a process of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cartwheel.errors import CommandError
from cartwheel.load.engine import Engine, Load
from loadtest.arrivals import Stage
from loadtest.figures import Total

MAX_SECONDS = 240.0
FIRST_FIGURES = 3.0
"""Seconds until the first shoppers have their carts."""


@dataclass
class RunningLoad:
    """``total`` is set at the end."""

    total: Total | None = None

    @property
    def sent(self) -> int:
        return self._known.sent

    @property
    def failed(self) -> int:
        """Requests without a response, or with a server error, or that could not be sent."""
        return self._known.failed + self._known.missed

    @property
    def _known(self) -> Total:
        if self.total is None:
            raise CommandError("The load generator ended without figures.")
        return self.total


@asynccontextmanager
async def shoppers(
    target: str, *, rate: float, scenario: str = "cart-add"
) -> AsyncIterator[RunningLoad]:
    """Have shoppers at this rate (requests a second) during the block."""
    load = Load(target, scenario, [Stage.constant(rate, seconds=MAX_SECONDS)], shoppers=128)
    engine, running = Engine(load), RunningLoad()

    async def run() -> None:
        async for figures in engine.run():
            if isinstance(figures, Total):
                running.total = figures

    task = asyncio.create_task(run())
    try:
        await asyncio.sleep(FIRST_FIGURES)
        yield running
    finally:
        engine.stop()
        await task
