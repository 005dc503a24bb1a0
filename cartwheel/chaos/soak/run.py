"""Runs a soak: the load, the disturbances meanwhile, the rest at the end, and the checks."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cartwheel.books import closing_books, running_stores, with_unsettled
from cartwheel.chaos.catalogue import Fault
from cartwheel.chaos.checks import open_books
from cartwheel.chaos.shop import Shop
from cartwheel.chaos.soak.disturbances import Disturbances
from cartwheel.chaos.soak.memory import INTERVAL, SAMPLES, measure, memory_between
from cartwheel.chaos.soak.schedule import Step
from cartwheel.chaos.soak.session import Change, Soak
from cartwheel.consistency import check
from cartwheel.consistency.linearizability import Limits
from cartwheel.errors import CommandError
from cartwheel.load.engine import Engine, Load
from cartwheel.local.faults.client import FaultSession
from cartwheel.local.signals import stop_signals_handled_in_loop
from loadtest.arrivals import Stage
from loadtest.figures import Figures
from loadtest.generator import usual_shoppers
from loadtest.history import read_history

SCENARIO = "mixed"
MIN_WARM_UP, MAX_WARM_UP = 3.0, 10.0
"""Seconds of load before the first fault: caches are filled when the memory is measured."""
WARM_UP_SHARE = 0.1
MEASURING = SAMPLES * INTERVAL
CALM = 6.0
"""Seconds of load after the last fault, to see the shop recover."""
LIMITS = Limits(seconds=30.0)
"""Of the checks: an object that is not decided fails the soak."""


class SoakRun:
    """One soak of a shop. `stop` ends it early, with all checks; a second time at once."""

    def __init__(
        self,
        soak: Soak,
        shop: Shop,
        session: FaultSession,
        *,
        history: Path,
        announce: Callable[[str], None],
    ) -> None:
        self._soak = soak
        self._shop = shop
        self._session = session
        self._history = history
        self._announce = announce
        self._engine = Engine(self._load())
        self._stopping = asyncio.Event()

    async def run(self, steps: Sequence[Step], faults: Mapping[str, Fault]) -> None:
        """Fill the soak. Raises `CommandError` if the load could not be sent."""
        with stop_signals_handled_in_loop(self.stop):
            stores = running_stores(self._shop.state)
            opening = await open_books(self._shop)
            await self._load_and_disturb(steps, faults)
        self._announce("The load has ended: reading the books and the history.")
        history = list(read_history(self._history))
        self._soak.add_history(history, epoch=time.time() - time.monotonic())
        try:
            books = await closing_books(stores, opening, history)
        except CommandError as error:
            self._soak.failures.append(str(error))
            return
        report = await asyncio.to_thread(check, history, books, limits=LIMITS)
        unsettled = self._soak.total.unsettled if self._soak.total else None
        self._soak.report = with_unsettled(report, unsettled)

    def stop(self) -> None:
        """End the load and undo all faults; the second time do not wait for responses."""
        if self._stopping.is_set():
            self._engine.stop()
        self._soak.ended_early = True
        self._stopping.set()

    @property
    def _warm_up(self) -> float:
        return min(max(WARM_UP_SHARE * self._soak.plan.seconds, MIN_WARM_UP), MAX_WARM_UP)

    def _load(self) -> Load:
        plan = self._soak.plan
        seconds = self._warm_up + MEASURING + plan.seconds + CALM
        stages = [Stage.constant(plan.rate, seconds=seconds)]
        return Load(
            self._shop.url,
            SCENARIO,
            stages,
            usual_shoppers(stages),
            seed=plan.seed,
            history=self._history,
        )

    async def _load_and_disturb(self, steps: Sequence[Step], faults: Mapping[str, Fault]) -> None:
        load = asyncio.create_task(self._follow_load())
        try:
            await self._disturb(load, steps, faults)
            await load
        finally:
            load.cancel()
            with suppress(asyncio.CancelledError):
                await load

    async def _follow_load(self) -> None:
        async for figures in self._engine.run():
            if isinstance(figures, Figures):
                self._soak.figures.append(figures)
            else:
                self._soak.total = figures

    async def _disturb(
        self, load: asyncio.Task[None], steps: Sequence[Step], faults: Mapping[str, Fault]
    ) -> None:
        """The shop under load: at first as it is, then disturbed, then as it was before.

        If the load fails, nothing more is disturbed.
        """
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([load, stopping], timeout=self._warm_up, return_when="FIRST_COMPLETED")
        before = await asyncio.to_thread(measure, self._shop)
        disturbances = Disturbances(self._shop, self._session, faults, report=self._add)
        disturbing = asyncio.create_task(disturbances.follow(steps))
        await asyncio.wait([load, stopping, disturbing], return_when="FIRST_COMPLETED")
        disturbances.stop()
        self._soak.failures += await disturbing
        self._soak.changes.sort(key=lambda one: one.started_at)
        self._soak.memory = memory_between(before, await asyncio.to_thread(measure, self._shop))
        if stopping.done():
            self._announce("Ended early: all faults are undone.")
            self._engine.stop()
        stopping.cancel()

    def _add(self, change: Change) -> None:
        self._soak.changes.append(change)
        seconds = change.ended_at - change.started_at
        problem = f": {change.problem}" if change.problem else ""
        self._announce(
            f"{change.started_at - self._soak.started_at:5.0f} s  {change.words} "
            f"({seconds:.1f} s){problem}"
        )
