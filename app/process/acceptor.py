"""Accepting connections, also when the process is short of file descriptors.

An event loop without free descriptors accepts and closes, or spins. Here some are reserved for
what the service itself opens (its store, its upstreams). When only those are free, accepting
pauses, new connections wait in the kernel's queue, idle ones are closed, and the log says what to
do, at most once a minute.
"""

import asyncio
import os
import resource
import socket
import time
from collections.abc import Callable

from app.settings import ServiceSettings, SettingsError, variable
from app.telemetry.log_limit import LogLimit
from app.telemetry.logs import get_logger

BACKLOG = 2048
RESERVED_SHARE = 4
MAX_RESERVED = 64
"""A quarter of all descriptors is reserved, at most this many."""
PAUSE = 0.05
"""Seconds accepting pauses while descriptors are short."""
CLOSE_IDLE_INTERVAL = 1.0
LOG_INTERVAL = 60.0
"""Seconds between two log lines about the same shortage."""
BATCH = 32
"""Connections accepted in one iteration of the loop; the rest may go to another replica."""
SHORT_OF_DESCRIPTORS = "too few file descriptors are free"


def listen(settings: ServiceSettings, field: str) -> socket.socket:
    """Listen on the settings' host and the port of ``field``. Raises SettingsError naming it."""
    host, port = settings.host, getattr(settings, field)
    is_ipv6 = ":" in host
    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    try:
        # Not SO_REUSEPORT: connections queued at a socket are lost when its process ends.
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        address = f"[{host}]:{port}" if is_ipv6 else f"{host}:{port}"
        reason = (error.strerror or str(error)).lower()
        raise SettingsError(
            [f"{variable(field)}: cannot listen on {address} ({reason}); allowed: a free port"]
        ) from error


def address_of(listener: socket.socket) -> str:
    """The address of a listening socket, for the log."""
    name = listener.getsockname()
    if not isinstance(name, tuple):
        return str(name)
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


def reserved_descriptors() -> int:
    """How many file descriptors to reserve under the limit of now, which may change."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_RESERVED if limit < 0 else min(MAX_RESERVED, limit // RESERVED_SHARE)


class Acceptor:
    """Accepts on one listening socket; has the methods uvicorn needs of a server.

    `reserved` says how many descriptors are left free. `on_shortage` is called about once a second
    while no others are free, to close connections.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        *,
        reserved: Callable[[], int],
        on_shortage: Callable[[], None] = lambda: None,
    ) -> None:
        self._listener = listener
        self._make_protocol = make_protocol
        self._reserved = reserved
        self._on_shortage = on_shortage
        self._loop = asyncio.get_running_loop()
        self._connecting: set[asyncio.Task[None]] = set()
        self._resuming: asyncio.TimerHandle | None = None
        self._log_limit = LogLimit(LOG_INTERVAL)
        self._closed_idle_at = float("-inf")
        self._closed = False
        listener.setblocking(False)
        self._loop.add_reader(listener, self._accept)

    def close(self) -> None:
        """Stop accepting; the socket stays open, since other replicas may share it."""
        if self._closed:
            return
        self._closed = True
        if self._resuming is None:
            self._loop.remove_reader(self._listener)
        else:
            self._resuming.cancel()

    async def finish(self) -> None:
        """Accept what waits in the kernel's queue, then close the socket.

        Closing alone would reset those connections, and their callers could not tell whether a
        request was processed.
        """
        self.close()
        while not self._is_short() and self._accept_one():
            pass
        self._listener.close()
        await self.wait_closed()

    async def wait_closed(self) -> None:
        if self._connecting:
            await asyncio.wait(self._connecting)

    def _accept(self) -> None:
        for _ in range(BATCH):
            if self._is_short():
                self._pause(SHORT_OF_DESCRIPTORS)
                return
            try:
                if not self._accept_one():
                    return
            except OSError as error:  # the kernel is short of something
                self._pause(error.strerror or str(error))
                return

    def _accept_one(self) -> bool:
        """False if no connection waits: another replica accepted it, or the caller is gone."""
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        connection.setblocking(False)
        task = self._loop.create_task(self._connect(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return True

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, connection)
        except OSError:
            connection.close()  # the caller is gone

    def _is_short(self) -> bool:
        """Whether only the reserved descriptors are free: the kernel assigns the lowest one."""
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit < 0:
            return False
        try:
            lowest = os.dup(self._listener.fileno())
        except OSError:
            return True
        os.close(lowest)
        return lowest >= limit - self._reserved()

    def _pause(self, reason: str) -> None:
        if self._log_limit.allows():
            limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            get_logger().warning(
                "server.accepting_pauses",
                reason=reason,
                limit=limit,
                effect="new connections wait",
                advice="raise the limit of open files (ulimit -n), or start more replicas",
            )
        now = time.monotonic()
        if now - self._closed_idle_at > CLOSE_IDLE_INTERVAL:
            self._closed_idle_at = now
            self._on_shortage()
        self._loop.remove_reader(self._listener)
        self._resuming = self._loop.call_later(PAUSE, self._resume)

    def _resume(self) -> None:
        self._resuming = None
        self._loop.add_reader(self._listener, self._accept)
