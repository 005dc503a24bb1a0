"""One direction of a connection."""

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import suppress

from cartwheel.tcp_proxy.conditions import Conditions
from cartwheel.tcp_proxy.in_flight import End, InFlight, Part

CHUNK = 16 * 1024


class CutOff(Exception):
    """The connection has carried all that it may."""


class Stream:
    """Passes on what one socket receives to the other, under conditions that may change.

    `receive` and `deliver` run until the stream has ended. `close` is called when a toxic closes
    the connection while nothing happens on it.
    """

    def __init__(
        self,
        source: socket.socket,
        destination: socket.socket,
        *,
        rng: random.Random,
        close: Callable[[], None],
    ) -> None:
        self._source = source
        self._destination = destination
        self._rng = rng
        self._close = close
        self._loop = asyncio.get_running_loop()
        self._in_flight = InFlight()
        self._conditions = Conditions()
        self._changed = asyncio.Event()
        self._closing: asyncio.TimerHandle | None = None
        self._passed = 0  # bytes since there is a limit

    def apply(self, conditions: Conditions) -> None:
        """From now on these conditions hold, also for what is on its way."""
        before, self._conditions = self._conditions, conditions
        if conditions.limit_data != before.limit_data:
            self._passed = 0
        if conditions.timeout != before.timeout:
            self.stop_timer()
            if conditions.timeout and conditions.timeout.timeout_ms:
                seconds = conditions.timeout.timeout_ms / 1000
                self._closing = self._loop.call_later(seconds, self._close)
        self._changed.set()

    def stop_timer(self) -> None:
        """Do not close the connection later."""
        if self._closing is not None:
            self._closing.cancel()

    async def receive(self) -> None:
        """Take in what the source sends, no faster than it can be passed on."""
        while True:
            content: bytes | End
            try:
                content = await self._loop.sock_recv(self._source, CHUNK) or End.CLOSED
            except OSError:
                content = End.RESET
            jitter = self._rng.uniform(-1, 1)
            await self._in_flight.put(Part(content, self._loop.time(), jitter))
            if isinstance(content, End):
                return

    async def deliver(self) -> None:
        """Pass it on. Raises `ConnectionError` for a reset, and `CutOff`."""
        while True:
            part = await self._in_flight.take()
            await self._wait_until_due(part)
            if part.content is End.RESET:
                raise ConnectionResetError
            if part.content is End.CLOSED:
                self._destination.shutdown(socket.SHUT_WR)
                return
            await self._reset_if_toxic()
            await self._send(memoryview(part.content))
            self._in_flight.delivered(part)

    async def _wait_until_due(self, part: Part) -> None:
        while True:
            await self._wait_while_silent()
            due = part.came_at + self._conditions.delay(part.jitter)
            if part.content is End.CLOSED:
                due += self._conditions.close_delay
            if (wait := due - self._loop.time()) <= 0:
                return
            await self._pause(wait)

    async def _wait_while_silent(self) -> None:
        while self._conditions.timeout:
            await self._pause(None)

    async def _reset_if_toxic(self) -> None:
        began = self._loop.time()
        while reset := self._conditions.reset_peer:
            wait = began + reset.timeout_ms / 1000 - self._loop.time()
            if wait <= 0:
                raise ConnectionResetError
            await self._pause(wait)

    async def _send(self, content: memoryview) -> None:
        while content:
            await self._wait_while_silent()
            conditions = self._conditions
            size = conditions.piece_size(self._rng) or len(content)
            limit = conditions.limit_data
            if limit is not None:
                size = min(size, limit.bytes - self._passed)
            piece, content = content[:size], content[size:]
            await self._loop.sock_sendall(self._destination, piece)
            self._passed += len(piece)
            if limit is not None and self._passed >= limit.bytes:
                raise CutOff
            if pause := conditions.pause_after(len(piece)):
                await self._pause(pause)

    async def _pause(self, seconds: float | None) -> None:
        """Wait for so long (None: for ever), but not after the conditions have changed."""
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
