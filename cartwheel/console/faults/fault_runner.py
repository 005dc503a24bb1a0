"""Begins and ends faults from the page, one at a time."""

import asyncio
from collections.abc import Callable
from typing import Any

from cartwheel.chaos.catalogue import Fault
from cartwheel.chaos.shop import Shop
from cartwheel.console.faults.breakage import Breakage
from cartwheel.console.faults.outcome import beginning, ending, outcome_as_json, running_as_json
from cartwheel.console.faults.possibilities import problem_in
from cartwheel.errors import CommandError, UsageError
from cartwheel.mesh import FaultState, Mark

MIN_SECONDS, MAX_SECONDS = 0.5, 60.0


class FaultRunner:
    """At most one fault is in force; the outcome of the last one is kept."""

    def __init__(self, *, mark: Callable[[Mark], None]) -> None:
        self._mark = mark
        self._last: Breakage | None = None
        self._following: asyncio.Task[None] | None = None
        self._beginning = asyncio.Lock()

    async def begin(self, fault: Fault, shop: Shop | None, *, seconds: float | None) -> None:
        """Return when it is in force. Raises `CommandError`."""
        if seconds is not None and not MIN_SECONDS <= seconds <= MAX_SECONDS:
            raise UsageError(f"seconds: from {MIN_SECONDS:g} to {MAX_SECONDS:g}.")
        problem = problem_in(fault, shop)
        if problem is not None or shop is None:
            raise CommandError(problem or "")
        async with self._beginning:
            if (current := self.current) is not None:
                raise CommandError(f"{current.fault.id} is still in force: end it first.")
            await self.close()
            self._last = await Breakage.begin(fault, shop, seconds=seconds or fault.seconds)
        self._mark(beginning(self._last))
        self._following = asyncio.create_task(self._follow(self._last))

    async def end(self, name: str) -> None:
        """Return when it is undone. Raises `CommandError` if it is not in force."""
        current = self.current
        if current is None or current.fault.id != name:
            raise CommandError(f"{name} is not in force.")
        await current.switch_off()

    async def close(self) -> None:
        """End what is in force, and watch no longer."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
            self._following = None

    @property
    def current(self) -> Breakage | None:
        """The fault that is in force."""
        return self._last if self._last is not None and self._last.is_in_force else None

    @property
    def state(self) -> FaultState | None:
        """Of the fault that is in force."""
        return self.current.state if self.current else None

    @property
    def as_json(self) -> dict[str, Any]:
        """``running`` is in force; ``last`` has ended, and tells what became of it."""
        last = self._last
        return {
            "running": running_as_json(last) if last and last.is_in_force else None,
            "last": outcome_as_json(last) if last and not last.is_in_force else None,
            "max_seconds": MAX_SECONDS,
        }

    async def _follow(self, breakage: Breakage) -> None:
        try:
            await breakage.run()
        finally:
            self._mark(ending(breakage))
        await breakage.watch_recovery()
