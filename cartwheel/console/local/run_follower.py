"""Follows the supervisor of a state folder: what runs, and since when nothing does."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from cartwheel.errors import CommandError
from cartwheel.local.control_socket import NO_RESPONSE, Message, follow_command
from cartwheel.local.run_state import RunState, run_state_of
from cartwheel.local.state_folder import StateFolder

CONNECT_TIMEOUT = 2.0
RETRY_DELAY = 0.5
"""Seconds until a supervisor is looked for again."""


class RunFollower:
    """``state`` is the newest; None while no supervisor responds, ``lost_at`` is then since when.

    ``refusal``: why a supervisor that responds cannot be followed.
    """

    def __init__(
        self,
        folder: StateFolder,
        *,
        on_change: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.state: RunState | None = None
        self.lost_at: float | None = None
        self.refusal = ""
        self._folder = folder
        self._on_change = on_change
        self._now = now
        self._received_at = 0.0
        self._restarted: set[str] = set()

    async def run(self) -> None:
        """Follow one supervisor after the other until cancelled."""
        while True:
            try:
                await self._follow()
            except CommandError as error:
                self.refusal = "" if str(error) == NO_RESPONSE else str(error)
            if self.state is not None:
                self.lost_at = self._now()
            self.state = None
            await asyncio.sleep(RETRY_DELAY)

    @property
    def effects(self) -> list[dict[str, Any]]:
        """Those of all faults in force, with their age now."""
        if self.state is None:
            return []
        passed = self._now() - self._received_at
        return [{**one, "age": round(one["age"] + passed, 1)} for one in self.state.faults]

    def take_restarted(self) -> set[str]:
        """The replicas whose process ended since the last call: it may be back already."""
        restarted, self._restarted = self._restarted, set()
        return restarted

    async def _follow(self) -> None:
        messages = follow_command(
            self._folder.control_socket, {"command": "watch"}, timeout=CONNECT_TIMEOUT
        )
        async with aclosing(messages):
            async for message in messages:
                self._take(_state_of(message))

    def _take(self, state: RunState) -> None:
        if self.state is not None and self.state.pid == state.pid:
            before = _restarts(self.state)
            self._restarted |= {
                name
                for name, restarts in _restarts(state).items()
                if restarts > before.get(name, 0)
            }
        self.state, self._received_at, self.refusal = state, self._now(), ""
        self._on_change()


def _state_of(message: Message) -> RunState:
    """Raises `CommandError`."""
    try:
        return run_state_of(message)
    except ValueError:
        raise CommandError("The supervisor is of another version than this console.") from None


def _restarts(state: RunState) -> dict[str, int]:
    return {one.name: one.restarts for service in state.services for one in service.replicas}
