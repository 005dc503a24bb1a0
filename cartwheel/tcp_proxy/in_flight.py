"""What has come in from one side and has not reached the other yet."""

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import Enum

MAX_HELD = 1024 * 1024
"""Bytes of one direction of one connection, before the sender has to wait."""


class End(Enum):
    """How a stream of bytes ends."""

    CLOSED = "closed"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes or the end of the stream, when they came in, and their jitter from -1 to 1."""

    content: bytes | End
    came_at: float
    jitter: float


class InFlight:
    """A queue of parts that is limited by their bytes."""

    def __init__(self) -> None:
        self._parts: deque[Part] = deque()
        self._held = 0
        self._has_part = asyncio.Event()
        self._has_room = asyncio.Event()

    async def put(self, part: Part) -> None:
        """Returns when there is room for the next one."""
        self._parts.append(part)
        self._held += _size(part)
        self._has_part.set()
        if self._held >= MAX_HELD:
            self._has_room.clear()
            await self._has_room.wait()

    async def take(self) -> Part:
        """Return the next part, when there is one."""
        if not self._parts:
            self._has_part.clear()
            await self._has_part.wait()
        return self._parts.popleft()

    def delivered(self, part: Part) -> None:
        """Make room: it is not held any more."""
        self._held -= _size(part)
        if self._held < MAX_HELD:
            self._has_room.set()


def _size(part: Part) -> int:
    return len(part.content) if isinstance(part.content, bytes) else 0
