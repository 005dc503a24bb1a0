"""Does what the schedule says: faults are injected and undone, services restarted and scaled."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from cartwheel.chaos.catalogue import Fault
from cartwheel.chaos.shop import Shop
from cartwheel.chaos.soak.candidates import main_part
from cartwheel.chaos.soak.schedule import Kind, Step
from cartwheel.chaos.soak.session import Change
from cartwheel.errors import CommandError
from cartwheel.local.faults.client import FaultSession
from cartwheel.local.faults.effects import read_effect


class Disturbances:
    """Follows a schedule. ``report`` is called with each change when it has ended."""

    def __init__(
        self,
        shop: Shop,
        session: FaultSession,
        faults: Mapping[str, Fault],
        *,
        report: Callable[[Change], None],
    ) -> None:
        self._shop = shop
        self._session = session
        self._faults = faults
        self._report = report
        self._stopping = asyncio.Event()
        self._problems: list[str] = []
        self._first_counts: dict[str, int] = {}

    def stop(self) -> None:
        """Begin nothing more, and end the faults at once."""
        self._stopping.set()

    async def follow(self, steps: Sequence[Step]) -> Sequence[str]:
        """Return when all steps have been done and all faults undone, with what could not be."""
        started = time.monotonic()
        counts = await asyncio.to_thread(self._shop.services)
        self._first_counts = {name: one["desired"] for name, one in counts.items()}
        faults = [step for step in steps if step.kind is Kind.FAULT]
        changes = [step for step in steps if step.kind is not Kind.FAULT]
        async with asyncio.TaskGroup() as tasks:
            for step in faults:
                tasks.create_task(self._have_fault(step, started))
            tasks.create_task(self._change_replicas(changes, started))
        try:
            await asyncio.to_thread(self._restore_counts)
        except CommandError as error:
            self._problems.append(str(error))
        return self._problems

    async def _have_fault(self, step: Step, started: float) -> None:
        if await self._stops_before(started + step.at):
            return
        fault = self._faults[step.name]
        began, problem = time.time(), None
        ended = began
        try:
            ids = await self._inject(fault)
            began = time.time() if fault.is_instant else began
            await self._stops_before(started + step.ends_at)
            ended = began if fault.is_instant else time.time()
            await self._undo(fault, ids)
        except CommandError as error:
            problem = str(error)
        self._report(
            Change(step.kind, fault.id, main_part(fault), fault.title, began, ended, problem)
        )

    async def _inject(self, fault: Fault) -> Sequence[int]:
        """All effects or none. Raises `CommandError`."""
        ids: list[int] = []
        try:
            for effect in fault.inject:
                ids.append(await asyncio.to_thread(self._session.inject, read_effect(effect)))
        except CommandError:
            await self._undo(fault, ids)
            raise
        return ids

    async def _undo(self, fault: Fault, ids: Sequence[int]) -> None:
        """All of them; one that cannot be undone is a problem of the soak."""
        for effect_id in reversed(ids):
            try:
                await asyncio.to_thread(self._session.undo, effect_id)
            except CommandError as error:
                self._problems.append(f"{fault.id} was not undone: {error}")

    async def _change_replicas(self, steps: Sequence[Step], started: float) -> None:
        """One after the other: the supervisor changes one set of replicas at a time."""
        for step in steps:
            if await self._stops_before(started + step.at):
                return
            began, problem = time.time(), None
            try:
                await asyncio.to_thread(self._change, step)
            except CommandError as error:
                problem = str(error)
            words = self._words(step)
            ended = time.time()
            self._report(Change(step.kind, step.name, step.name, words, began, ended, problem))

    def _change(self, step: Step) -> None:
        count = self._first_counts[step.name]
        match step.kind:
            case Kind.RESTART:
                self._shop.restart(step.name)
            case Kind.SCALE_OUT:
                self._shop.scale(step.name, count + 1)
            case Kind.SCALE_IN:
                self._shop.scale(step.name, count)

    def _words(self, step: Step) -> str:
        count = self._first_counts[step.name]
        match step.kind:
            case Kind.SCALE_OUT:
                return f"{step.name}: {count} → {count + 1} replicas"
            case Kind.SCALE_IN:
                return f"{step.name}: {count + 1} → {count} replicas"
        return f"Rolling restart of {step.name}"

    def _restore_counts(self) -> None:
        """Where the soak ended between scaling out and in. Raises `CommandError`."""
        for name, one in self._shop.services().items():
            if one["desired"] != self._first_counts[name]:
                self._shop.scale(name, self._first_counts[name])

    async def _stops_before(self, at: float) -> bool:
        """Wait for the time; whether the soak is stopped before."""
        if self._stopping.is_set():
            return True
        try:
            await asyncio.wait_for(self._stopping.wait(), max(at - time.monotonic(), 0.0))
        except TimeoutError:
            return False
        return True
