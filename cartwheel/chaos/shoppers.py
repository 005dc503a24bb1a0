"""The shoppers who use the shop while things happen to it."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from cartwheel.errors import CommandError
from cartwheel.load.engine import Engine, Load
from loadtest.arrivals import MAX_SECONDS, Stage
from loadtest.figures import Figures, Total
from loadtest.generator import usual_shoppers

SCENARIO = "mixed"
# Each has an account of its own, and a shop lets one address register only some a minute.
MAX_SHOPPERS = 16


class Shoppers:
    """A load in a process of its own, from the beginning of the block until its end, or `stop`."""

    def __init__(
        self,
        target: str,
        *,
        rate: float,
        history: Path,
        seed: int | None = None,
        scenario: str = SCENARIO,
    ) -> None:
        stages = [Stage.constant(rate, seconds=MAX_SECONDS)]
        shoppers = MAX_SHOPPERS if scenario == SCENARIO else usual_shoppers(stages)
        self.total: Total | None = None
        self.figures: list[Figures] = []
        self._engine = Engine(Load(target, scenario, stages, shoppers, seed=seed, history=history))
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def stop(self) -> Total:
        """Return when all their requests have ended. Raises `CommandError`."""
        assert self._task is not None
        self._engine.stop()
        await self._task
        if self.total is None:
            raise CommandError("There are no figures of the shoppers' load.")
        return self.total

    async def _run(self) -> None:
        async for figures in self._engine.run():
            if isinstance(figures, Total):
                self.total = figures
            else:
                self.figures.append(figures)
