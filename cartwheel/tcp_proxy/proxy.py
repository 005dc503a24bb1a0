"""A port that leads to a server, under the conditions that toxics set."""

import asyncio
import os
import random
import resource
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from cartwheel.tcp_proxy.connection import Connection
from cartwheel.tcp_proxy.toxics import Down, Toxic

LOOPBACK = "127.0.0.1"
BACKLOG = 512
MAX_CONNECTIONS = 512
"""Of one proxy. The next client waits to be accepted until one of them has ended."""
ACCEPT_PAUSE = 0.1
"""Seconds until the next try, when this process may not open another file for it."""
RESERVED_SHARE = 4
MAX_RESERVED = 64
"""A quarter of the files that this process may open is left to it, at most this many."""


class TcpProxy:
    """Passes connections on to `host`:`port`, from `open` to `aclose`, or in a `with` block.

    It listens on `listen_host`; a `listen_port` of 0 lets the kernel choose, `port` says which. All
    methods are for the event loop's thread.
    """

    @classmethod
    def to(cls, url: str, *, listen_host: str = LOOPBACK) -> Self:
        """For the server of a URL; `url_through(url)` is the way through the proxy."""
        parts = urlsplit(url)
        if parts.hostname is None or parts.port is None:
            raise ValueError("A URL with a host and a port is needed.")
        return cls(parts.hostname, parts.port, listen_host=listen_host)

    def __init__(
        self,
        host: str,
        port: int,
        *,
        listen_host: str = LOOPBACK,
        listen_port: int = 0,
        rng: random.Random | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._rng = rng or random.Random()
        self._toxics: tuple[Toxic, ...] = ()
        self._connections: set[Connection] = set()
        self._listener: socket.socket | None = None
        self._listen_host = listen_host
        self.port = listen_port
        self.accepted = 0
        """How many connections there were so far."""

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def open(self) -> None:
        """Raises `OSError` if the port is taken."""
        self._listener = _bind(self._listen_host, self.port)
        self.port = self._listener.getsockname()[1]
        self._accept_or_refuse()

    def close(self) -> None:
        """Refuse new connections, and close those that are open as soon as the loop runs."""
        self._release_port()
        self._close_connections()

    async def aclose(self) -> None:
        """Refuse new connections, and close those that are open."""
        self.close()
        tasks = [one.task for one in self._connections]
        await asyncio.gather(*tasks, return_exceptions=True)

    def url_through(self, url: str) -> str:
        """The URL with the proxy's address in the place of the server's."""
        parts = urlsplit(url)
        credentials, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{credentials}{at}{self._listen_host}:{self.port}").geturl()

    @property
    def toxics(self) -> Sequence[Toxic]:
        """Those that affect its connections now."""
        return self._toxics

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    def set_toxics(self, toxics: Iterable[Toxic]) -> None:
        """Replace all toxics, for open and for new connections."""
        was_down = self._is_down
        self._toxics = tuple(toxics)
        for connection in self._connections:
            connection.apply(self._toxics)
        if self._is_down:
            self._close_connections()
        if self._listener is not None and self._is_down != was_down:
            if self._is_down:
                self._release_port()
                self._listener = _bind(self._listen_host, self.port)
            self._accept_or_refuse()

    @contextmanager
    def affected_by(self, *toxics: Toxic) -> Iterator[None]:
        """Add these toxics within the block."""
        self.set_toxics([*self._toxics, *toxics])
        try:
            yield
        finally:
            remaining = list(self._toxics)
            for one in toxics:
                remaining.remove(one)
            self.set_toxics(remaining)

    @property
    def _is_down(self) -> bool:
        return any(isinstance(one, Down) for one in self._toxics)

    def _accept_or_refuse(self) -> None:
        # A socket that does not listen holds the port, and the kernel refuses connections to it.
        if self._listener is not None and not self._is_down:
            self._listener.listen(BACKLOG)
            self._start_accepting()

    def _start_accepting(self) -> None:
        if self._listener is not None and not self._is_down:
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _stop_accepting(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)

    def _release_port(self) -> None:
        if self._listener is not None:
            self._stop_accepting()
            self._listener.close()
            self._listener = None

    def _accept(self) -> None:
        assert self._listener is not None
        if len(self._connections) >= MAX_CONNECTIONS:
            self._stop_accepting()
            return
        try:
            if _has_descriptors_left(self._listener):
                client, _ = self._listener.accept()
                self._serve(client)
                return
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:  # the kernel is short of something
            pass
        self._stop_accepting()
        asyncio.get_running_loop().call_later(ACCEPT_PAUSE, self._start_accepting)

    def _serve(self, client: socket.socket) -> None:
        try:
            connection = Connection(client, self._host, self._port, rng=self._rng)
        except OSError:
            client.close()
            raise
        self.accepted += 1
        self._connections.add(connection)
        connection.task.add_done_callback(lambda _: self._forget(connection))
        connection.apply(self._toxics)

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._start_accepting()

    def _close_connections(self) -> None:
        for connection in self._connections:
            connection.close()


def _has_descriptors_left(open_file: socket.socket) -> bool:
    """Whether more than those reserved are free. Raises `OSError` if none is."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return True
    lowest = os.dup(open_file.fileno())  # the kernel assigns the lowest one
    os.close(lowest)
    return lowest < limit - min(MAX_RESERVED, limit // RESERVED_SHARE)


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setblocking(False)
        # Allows a port whose last connections are still in TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener
