"""Measures the symptom of one fault, by scrapes of its own, for as long as somebody watches."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from cartwheel.chaos.catalogue import Symptom
from cartwheel.chaos.metrics import SCRAPE_INTERVAL, ReplicaMetrics
from cartwheel.chaos.reactions import BREAKERS
from cartwheel.chaos.results import SymptomSeen
from cartwheel.chaos.shop import Shop
from cartwheel.chaos.symptoms import gone_since, seen_since
from cartwheel.errors import CommandError


class SymptomWatch:
    """Times are of the monotonic clock. `sample` is called again and again."""

    def __init__(self, shop: Shop, symptom: Symptom) -> None:
        self._shop = shop
        self._symptom = symptom
        self._query = symptom.parsed
        self._metrics = ReplicaMetrics([self._query, BREAKERS])
        self._samples: list[tuple[float, float | None]] = []
        self._broken_until = 0.0
        self._status: Mapping[str, Any] = {"services": [], "faults": []}

    @property
    def effects(self) -> Sequence[Mapping[str, Any]]:
        """The effects on the shop, as the last status shows them."""
        effects: Sequence[Mapping[str, Any]] = self._status["faults"]
        return effects

    async def sample(self) -> None:
        """Look once. Returns when the next look is due."""
        started = time.monotonic()
        with suppress(CommandError):  # the next status is a moment away
            self._status = await asyncio.to_thread(self._shop.status)
        await self._metrics.scrape(self._status)
        if not self._is_whole:
            self._broken_until = time.monotonic()
        self._samples.append((time.monotonic(), self._metrics.value(self._query)))
        await asyncio.sleep(max(started + SCRAPE_INTERVAL - time.monotonic(), 0.0))

    def seen(self, since: float) -> SymptomSeen:
        """What was seen since that time."""
        return seen_since(self._symptom, self._samples, since)

    def as_before_at(self, since: float) -> float | None:
        """When the symptom had gone, all replicas were ready and all circuit breakers closed.

        None while it is not so.
        """
        unseen_since = gone_since(self._symptom, self._samples, since)
        if unseen_since is None or not self._is_whole:
            return None
        return max(since, unseen_since, self._broken_until)

    @property
    def _is_whole(self) -> bool:
        is_ready = all(one["ready"] >= one["desired"] for one in self._status["services"])
        return is_ready and not any(one.value for one in self._metrics.evaluate(BREAKERS))
