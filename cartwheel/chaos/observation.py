"""Observes a shop while things happen to it: by its metrics, its status, probes and shoppers."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cartwheel.chaos.catalogue import ProbeName
from cartwheel.chaos.metrics import SCRAPE_INTERVAL, ReplicaMetrics
from cartwheel.chaos.probes import Seen, open_probes
from cartwheel.chaos.reactions import QUERIES, Reactions
from cartwheel.chaos.shop import Shop, Status
from cartwheel.chaos.shoppers import Shoppers
from cartwheel.errors import CommandError
from cartwheel.promql import Query
from loadtest.history import HistoryWriter
from loadtest.recorder import Recorder


@dataclass
class Observation:
    """``values`` are those of each query, with their times of the monotonic clock.

    ``unready_until`` is when a replica was not ready for the last time.
    """

    shop: Shop
    metrics: ReplicaMetrics
    probes: Mapping[ProbeName, Sequence[Seen]]
    shoppers: Shoppers
    queries: Sequence[Query]
    status: Status = field(default_factory=dict)
    reactions: Reactions = field(default_factory=Reactions)
    values: dict[str, list[tuple[float, float | None]]] = field(default_factory=dict)
    unready_until: float = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether all replicas are."""
        return all(one["ready"] >= one["desired"] for one in self.status["services"])

    async def observe(self) -> None:
        """Take one sample of everything."""
        with suppress(CommandError):  # the next status is a moment away
            self.status = await asyncio.to_thread(self.shop.status)
        if not self.is_ready:
            self.unready_until = time.monotonic()
        await self.metrics.scrape(self.status)
        self.reactions.observe(self.metrics, self.status)
        for query in self.queries:
            values = self.values.setdefault(query.text, [])
            values.append((time.monotonic(), self.metrics.value(query)))

    async def run(self) -> None:
        """Observe until cancelled."""
        while True:
            started = time.monotonic()
            await self.observe()
            await asyncio.sleep(max(started + SCRAPE_INTERVAL - time.monotonic(), 0.0))


@asynccontextmanager
async def observe(
    shop: Shop, queries: Sequence[Query], *, folder: Path, rate: float, seed: int
) -> AsyncIterator[Observation]:
    """Observe the shop under a load of ``rate`` requests a second, during the block.

    Histories are written to ``folder``. Raises `CommandError`.
    """
    async with AsyncExitStack() as stack:
        writer = stack.enter_context(HistoryWriter(folder / "probes.jsonl"))
        record = Recorder(writer.write).record
        probes = await stack.enter_async_context(open_probes(shop.url, record=record))
        shoppers = Shoppers(shop.url, rate=rate, seed=seed, history=folder / "shoppers.jsonl")
        await stack.enter_async_context(shoppers)
        metrics = ReplicaMetrics([*queries, *QUERIES])
        observation = Observation(shop, metrics, probes, shoppers, queries)
        await observation.observe()
        task = asyncio.create_task(observation.run())
        try:
            yield observation
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if writer.problem:
            raise CommandError(writer.problem)
