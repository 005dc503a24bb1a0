"""A pool of connections to one store.

It has a fixed number of places. A place holds a connection or is empty; who takes an empty place
opens a connection. Connections are opened only when no open one is free, and the one that was used
last is used first.

A connection comes back from its block and is checked, without a round trip: one with an unfinished
statement or transaction is closed, and its place becomes free when that is done. So nobody gets
a connection in an unknown state, whenever the block was cancelled.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar


class PooledConnection(Protocol):
    """What a pool needs to know about its connections."""

    def is_current(self) -> bool:
        """Whether it is open, as far as we know, to the store that is used today."""
        ...

    def is_idle(self) -> bool:
        """Whether it is in a known state: no statement runs, and no transaction is open."""
        ...

    async def close(self) -> None:
        """Close it, whatever it does. Raises nothing."""
        ...


C = TypeVar("C", bound=PooledConnection)


class Pool(Generic[C]):
    """At most ``size`` connections; who waits longer than ``timeout`` seconds gets TimeoutError."""

    def __init__(self, connect: Callable[[], Awaitable[C]], *, size: int, timeout: float) -> None:
        self._connect = connect
        self._timeout = timeout
        # Empty places are at the left end, and places are taken from the right one.
        self._free: deque[C | None] = deque([None] * size)
        self._waiters: deque[asyncio.Future[C | None]] = deque()
        self._closing: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def acquire(self) -> C:
        """A connection for one block; give it to `release` afterwards."""
        connection = self._free.pop() if self._free else await self._wait_for_place()
        if connection is not None and connection.is_current():
            return connection
        return await self._open(connection)

    def release(self, connection: C) -> None:
        """Take a connection back."""
        if connection.is_idle() and not self._is_closed:
            self._give_place(connection)
            return
        closing = asyncio.create_task(self._discard(connection))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def rotate(self) -> None:
        """Let the next caller have the connection that was not used for the longest time."""
        oldest = next((connection for connection in self._free if connection is not None), None)
        if oldest is not None:
            self._free.remove(oldest)
            self._free.append(oldest)

    async def close(self) -> None:
        """Close the connections that are not in use, and the others when they come back."""
        self._is_closed = True
        while self._free:
            if (connection := self._free.pop()) is not None:
                await connection.close()
        await asyncio.gather(*self._closing)

    async def _open(self, stale: C | None) -> C:
        try:
            if stale is not None:
                await stale.close()
            return await self._connect()
        except BaseException:
            self._give_place(None)
            raise

    async def _discard(self, connection: C) -> None:
        try:
            await connection.close()
        finally:
            self._give_place(None)

    async def _wait_for_place(self) -> C | None:
        place: asyncio.Future[C | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(place)
        try:
            async with asyncio.timeout(self._timeout):
                return await place
        except BaseException:
            # The place may have come together with the cancellation.
            if place.done() and not place.cancelled():
                self._give_place(place.result())
            else:
                with suppress(ValueError):
                    self._waiters.remove(place)
            raise

    def _give_place(self, connection: C | None) -> None:
        while self._waiters:
            place = self._waiters.popleft()
            if not place.done():
                place.set_result(connection)
                return
        if connection is None:
            self._free.appendleft(None)
        else:
            self._free.append(connection)
