"""One fault that the console has begun: its session, its effects, and what is seen of it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

from cartwheel.chaos.catalogue import Fault
from cartwheel.chaos.experiment import EXTRA_TIMEOUT
from cartwheel.chaos.results import SymptomSeen
from cartwheel.chaos.shop import Shop
from cartwheel.console.faults.symptom_watch import SymptomWatch
from cartwheel.errors import CommandError
from cartwheel.local.faults.client import open_fault_session
from cartwheel.local.faults.effects import read_effect
from cartwheel.mesh import FaultState

SESSION = "cartwheel console"
"""Begins the name of the fault session, which `cartwheel status` shows."""


class Breakage:
    """A fault from its injection until the shop is as before. Use `begin`.

    The fault session is open while the fault is in force: when this process ends, whatever the
    cause, the supervisor undoes the fault.
    """

    def __init__(self, fault: Fault, seconds: float, watch: SymptomWatch) -> None:
        self.fault = fault
        self.began_at = time.time()
        self.undo_problem = ""
        self.recovery: float | None = None
        self.is_watched = True
        self._seconds = seconds
        self._watch = watch
        self._began = time.monotonic()
        self._ended: float | None = None
        self._off = asyncio.Event()
        self._undone = asyncio.Event()
        self._session = ExitStack()

    @classmethod
    async def begin(cls, fault: Fault, shop: Shop, *, seconds: float) -> "Breakage":
        """Inject all effects. Raises `CommandError`; then nothing is broken."""
        watch = SymptomWatch(shop, fault.symptom)
        await watch.sample()
        breakage = cls(fault, seconds, watch)
        await asyncio.to_thread(breakage._inject, shop)
        return breakage

    def _inject(self, shop: Shop) -> None:
        with ExitStack() as stack:
            name = f"{SESSION}: {self.fault.id}"
            session = stack.enter_context(open_fault_session(shop.state, name))
            self._began, self.began_at = time.monotonic(), time.time()
            for effect in self.fault.inject:
                session.inject(read_effect(effect))
            self._session = stack.pop_all()

    async def run(self) -> None:
        """Go on until it is undone: after its seconds, when it is switched off, or cancelled."""
        looking = asyncio.create_task(self._look())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._off.wait()
        finally:
            looking.cancel()
            await self._undo()
            await asyncio.gather(looking, return_exceptions=True)

    async def _undo(self) -> None:
        try:
            await asyncio.to_thread(self._session.close)
        except CommandError as error:
            self.undo_problem = str(error)
        self._ended = time.monotonic()
        self._undone.set()

    async def _look(self) -> None:
        while True:
            await self._watch.sample()

    async def watch_recovery(self) -> None:
        """Return when the shop is as before, or has had the time for it."""
        assert self._ended is not None
        since = self._began if self.fault.is_instant else self._ended
        deadline = time.monotonic() + self.fault.recovers_within + EXTRA_TIMEOUT
        try:
            while self.recovery is None and time.monotonic() < deadline:
                await self._watch.sample()
                at = self._watch.as_before_at(since)
                self.recovery = None if at is None else at - since
        finally:
            self.is_watched = False

    async def switch_off(self) -> None:
        """Return when it has been undone."""
        self._off.set()
        await self._undone.wait()

    @property
    def is_in_force(self) -> bool:
        return not self._undone.is_set()

    @property
    def symptom(self) -> SymptomSeen:
        """What was seen of it until now."""
        return self._watch.seen(self._began)

    @property
    def state(self) -> FaultState:
        """As a frame shows it."""
        seconds, after = time.monotonic() - self._began, self.symptom.after
        return FaultState(
            self.fault.id,
            self.fault.title,
            targets=list(self._targets()),
            seconds=round(seconds, 1),
            seconds_left=round(max(self._seconds - seconds, 0.0), 1),
            seen_after=None if after is None else round(after, 1),
        )

    def _targets(self) -> Iterator[str]:
        """The replica that `cart-*` stands for, as soon as the status shows it."""
        shown = [one for one in self._watch.effects if one["session"].startswith(SESSION)]
        if shown:
            yield from dict.fromkeys(one["target"] for one in shown)
        else:
            targets = (read_effect(effect).target for effect in self.fault.inject)
            yield from dict.fromkeys(target.removesuffix("-*") for target in targets)
