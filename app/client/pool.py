"""The connections to the replicas of one upstream: a limited number, kept for the next request."""

import asyncio
from dataclasses import dataclass
from functools import lru_cache, partial

from app.client.connection import Connection, Exchange
from app.client.errors import ConnectTimeout, LocalLimit, UpstreamRefused
from app.client.messages import Origin, Request
from app.process.vanished_peers import probe_while_idle

POOL_TIMEOUT = 0.1
"""Seconds a request waits for a connection when all of them are in use."""


@dataclass(slots=True)
class Limits:
    """`max_idle` connections are kept, each for `idle_seconds`."""

    max_connections: int
    max_idle: int
    idle_seconds: float


class ConnectionPool:
    """Sends each request over a connection of its own, a kept one if there is one."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.max_connections)
        self._is_closed = False
        self._open = 0
        """Connections, also those that are being made."""
        self._busy: set[Connection] = set()
        self._idle: dict[Connection, None] = {}
        """The one that has been idle for longest comes first."""

    async def send(self, request: Request, *, timeout: float, connect_timeout: float) -> Exchange:
        """Send and wait at most `timeout` seconds for the response's head.

        Raises `UpstreamError`, and `BadRequest` for what is not valid HTTP.
        """
        try:
            origin = _origin_of(request.url)
        except ValueError as error:
            raise _refused(request.upstream) from error
        encoded = request.encode(origin)
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + timeout
        await self._take_slot(request, seconds=min(POOL_TIMEOUT, timeout))
        connection = self._take_idle(request.url)
        if connection is None:
            seconds = min(connect_timeout, ends_at - loop.time())
            connection = await self._connect(request, origin, seconds=seconds)
        exchange = connection.start(request, encoded)
        try:
            await exchange.wait_for_head(ends_at - loop.time())
        except BaseException:
            exchange.close()
            raise
        return exchange

    async def aclose(self) -> None:
        self._is_closed = True
        for connection in [*self._busy, *self._idle]:
            connection.close()
        await asyncio.sleep(0)  # the loop closes their sockets in its next turn

    async def _take_slot(self, request: Request, *, seconds: float) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError as error:
            raise LocalLimit(request.upstream, "all connections to it are in use.") from error

    def _take_idle(self, url: str) -> Connection | None:
        """Return the one to this replica that was used last: it will be kept for longest."""
        self._close_expired()
        while (connection := self._newest_idle(url)) is not None:
            if connection.is_quiet:
                del self._idle[connection]
                self._busy.add(connection)
                return connection
            connection.close()
        return None

    def _newest_idle(self, url: str) -> Connection | None:
        for connection in reversed(self._idle):
            if connection.url == url:
                return connection
        return None

    def _close_expired(self) -> None:
        oldest_allowed = asyncio.get_running_loop().time() - self._limits.idle_seconds
        while self._idle:
            oldest = next(iter(self._idle))
            if oldest.free_since >= oldest_allowed:
                return
            oldest.close()

    async def _connect(self, request: Request, origin: Origin, *, seconds: float) -> Connection:
        """Return a new connection. Raises `UpstreamRefused`: nothing has been sent."""
        if self._open >= self._limits.max_connections:
            next(iter(self._idle)).close()  # the slot is ours, so this one is to another replica
        make = partial(Connection, request.url, on_free=self._keep, on_closed=self._forget)
        loop = asyncio.get_running_loop()
        self._open += 1
        try:
            async with asyncio.timeout(seconds):
                transport, connection = await loop.create_connection(make, origin.host, origin.port)
        except BaseException as error:
            self._open -= 1
            self._slots.release()
            if isinstance(error, TimeoutError):
                raise _too_slow(request.upstream) from error
            if isinstance(error, OSError | ValueError):  # a ValueError: of the replica's address
                raise _refused(request.upstream) from error
            raise
        self._busy.add(connection)
        if self._is_closed:
            connection.close()
            raise LocalLimit(request.upstream, "its connections are closed.")
        if connection.is_closed:
            self._forget(connection)
            raise _refused(request.upstream)
        probe_while_idle(transport.get_extra_info("socket"))
        return connection

    def _keep(self, connection: Connection) -> None:
        """Its exchange is over: keep it, or close it where there are enough."""
        self._busy.remove(connection)
        self._slots.release()
        self._idle[connection] = None
        if len(self._idle) > self._limits.max_idle:
            next(iter(self._idle)).close()

    def _forget(self, connection: Connection) -> None:
        """It is closed."""
        if connection in self._busy:
            self._busy.remove(connection)
            self._slots.release()
        elif connection in self._idle:
            del self._idle[connection]
        else:
            return  # it ended while it was being made
        self._open -= 1


_origin_of = lru_cache(maxsize=1024)(Origin.of)


def _too_slow(upstream: str) -> ConnectTimeout:
    return ConnectTimeout(upstream, "no connection could be made in time.")


def _refused(upstream: str) -> UpstreamRefused:
    return UpstreamRefused(upstream, "no connection could be made.", unsent=True)
