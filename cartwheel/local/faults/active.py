"""An effect that goes on, from its injection until it has been undone."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

from cartwheel.errors import CommandError, describe_error
from cartwheel.local.faults.effects import Effect, effect_as_json
from cartwheel.local.faults.injection import Injected

# Seconds. What takes longer goes on: a store may not respond just now.
UNDO_TIMEOUT = 15.0


class ActiveFault:
    """An effect in ``context``, which has been entered, and ends when this is undone.

    ``on_end`` is called when it has been undone, or could not be.
    """

    def __init__(
        self,
        fault_id: int,
        effect: Effect,
        acted_on: Injected,
        *,
        context: AbstractAsyncContextManager[Injected],
        session: str,
        on_end: Callable[["ActiveFault"], None],
    ) -> None:
        self.id = fault_id
        self.effect = effect
        self.target = acted_on.target
        self._acted_on = acted_on
        self._context = context
        self._session = session
        self._on_end = on_end
        self._began = time.monotonic()
        self._undoing: asyncio.Task[None] | None = None
        self._problem: str | None = None
        self.is_undone = False

    @property
    def acts(self) -> bool:
        """False if what it acted on is gone."""
        return self._acted_on.is_there()

    @property
    def problem(self) -> str:
        """Why it is not undone, in one sentence."""
        reason = self._problem or f"not within {UNDO_TIMEOUT:g} s: the supervisor goes on trying"
        return f"{self.target}: fault {self.id} could not be undone ({reason})."

    @property
    def status(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "session": self._session,
            "target": self.target,
            "sentence": self.effect.sentence,
            "acts": self.acts,
            "effect": effect_as_json(self.effect),
            "age": round(time.monotonic() - self._began, 1),
        }

    def undo(self) -> asyncio.Task[None]:
        """Begin to undo it, unless that has begun."""
        if self._undoing is None:
            self._undoing = asyncio.create_task(self._undo())
        return self._undoing

    async def _undo(self) -> None:
        try:
            await self._context.__aexit__(None, None, None)
        except Exception as error:
            self._problem = describe_error(error)
        except asyncio.CancelledError:
            self._problem = "the shop stopped first"
        else:
            self.is_undone = True
        self._on_end(self)


async def undo_all(faults: Iterable[ActiveFault]) -> None:
    """Undo them at the same time, the last one first. Raises `CommandError`."""
    last_first = sorted(faults, key=lambda fault: fault.id, reverse=True)
    if not last_first:
        return
    await asyncio.wait([fault.undo() for fault in last_first], timeout=UNDO_TIMEOUT)
    if problems := [fault.problem for fault in last_first if not fault.is_undone]:
        raise CommandError(" ".join(problems))
