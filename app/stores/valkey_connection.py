"""One connection to a Valkey or Redis server, with many calls under way at once.

The server answers the commands of a connection in their order, so the first reply belongs to the
oldest call (RESP 2; hiredis reads and writes it). What happens after a failure is decided by the
owner of the connection, `app.stores.valkey`.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, cast
from urllib.parse import unquote, urlsplit

import hiredis

Argument = str | int
Command = tuple[Argument, ...]

DEFAULT_PORT = 6379
ALLOWED_URL = "valkey://[[user]:password@]host[:port][/number]"

_INCOMPLETE = object()
"""What the parser returns while the rest of a reply is missing."""


class ValkeyError(Exception):
    """The server's error reply to one command. Its first word is a code: ``NOSCRIPT …``."""

    @property
    def code(self) -> str:
        return str(self).partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and how we log in."""

    host: str
    port: int = DEFAULT_PORT
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Read ``valkey://[[user]:password@]host[:port][/number]``. Raises `ValueError`."""
        parts = urlsplit(url)
        database = parts.path.strip("/") or "0"
        lacks_password = "@" in parts.netloc and not parts.password
        has_options = parts.query or parts.fragment
        if not parts.hostname or not database.isdecimal() or lacks_password or has_options:
            raise ValueError(f"This is not the URL of a Valkey server; allowed: {ALLOWED_URL}")
        return cls(
            host=parts.hostname,
            port=parts.port or DEFAULT_PORT,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            database=int(database),
        )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def handshake(self) -> list[Command]:
        """The first commands. The reply to PING shows that the server takes our commands."""
        commands: list[Command] = [("PING",)]
        if self.database:
            commands.insert(0, ("SELECT", self.database))
        if self.password is not None:
            login = (self.password,) if self.user is None else (self.user, self.password)
            commands.insert(0, ("AUTH", *login))
        return commands


class Call:
    """A command and the future of its reply.

    ``started_at`` is when its timeout began. ``source`` is that of the script, if the command
    names one by its digest.
    """

    __slots__ = ("command", "packed", "reply", "source", "started_at")

    def __init__(
        self,
        command: Command,
        reply: "asyncio.Future[Any]",
        started_at: float,
        source: str | None = None,
    ) -> None:
        self.command = command
        self.packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # wrong stub
        self.reply = reply
        self.started_at = started_at
        self.source = source

    def fail(self, error: BaseException) -> None:
        if not self.reply.done():  # the caller was not cancelled
            self.reply.set_exception(error)


class Owner(Protocol):
    """Decides what an open connection cannot."""

    def on_error(self, connection: "Connection", call: Call, error: ValkeyError) -> None:
        """The server answered this call with an error. Raises what ends the connection."""

    def on_loss(self, connection: "Connection", error: Exception) -> None:
        """The connection ended; the calls in `Connection.sent` get no reply. Called once."""


class Connection(asyncio.Protocol):
    """Sends calls and gives each its reply. A connection that ended is not used again."""

    def __init__(self, owner: Owner, *, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = owner
        self._timeout = timeout
        self._reader = hiredis.Reader(
            replyError=ValkeyError, encoding="utf-8", errors="replace", notEnoughData=_INCOMPLETE
        )
        self._transport: asyncio.Transport | None = None
        self._closed = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._is_open = False
        self._loss: Exception | None = None
        self.sent: deque[Call] = deque()
        self.has_served = False
        """Whether any call was settled since the handshake."""
        self.is_retired = False
        """Whether it takes no more calls and closes after the last reply."""

    async def open(self, address: Address, *, started_at: float) -> None:
        """Connect and do the handshake. Raises `OSError`, `ValkeyError`.

        ``started_at`` is that of the oldest call that waits for this connection.
        """
        try:
            await self._loop.create_connection(lambda: self, address.host, address.port)
            if self._loss is not None:  # a full server says so, or closes, before we wrote
                raise self._loss
            commands = address.handshake()
            calls = [Call(command, self._loop.create_future(), started_at) for command in commands]
            self.send(calls)
            for reply in await asyncio.gather(*(c.reply for c in calls), return_exceptions=True):
                if isinstance(reply, BaseException):
                    raise reply
            if self._loss is not None:
                raise self._loss
        except BaseException:
            await self.close()
            raise
        self._is_open = True
        self.has_served = False

    def send(self, calls: Sequence[Call]) -> None:
        """Write the commands; each must have its reply within the timeout."""
        assert self._transport is not None
        self.sent.extend(calls)
        self._transport.write(b"".join([call.packed for call in calls]))
        if self._timer is None:
            self._timer = self._loop.call_at(self._due_at(), self._check_oldest)

    async def close(self) -> None:
        """Close without waiting for replies; the owner is not told."""
        self._end(ConnectionAbortedError("We closed the connection."))
        if self._transport is not None:
            await self._closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            self._settle()
        except Exception as error:  # the two sides do not agree on what is sent
            self._lose(error)
        if self.is_retired and not self.sent:
            self._lose(ConnectionAbortedError("The connection is not used any more."))

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed.set_result(None)
        self._lose(exc or ConnectionResetError("The server closed the connection."))

    def _settle(self) -> None:
        next_reply, sent = self._reader.gets, self.sent
        while (reply := next_reply()) is not _INCOMPLETE:
            if not sent:
                raise _unasked(reply)
            call = sent.popleft()
            if isinstance(reply, ValkeyError):
                self._settle_error(call, reply)
            elif not call.reply.done():  # the caller was not cancelled
                call.reply.set_result(reply)
            self.has_served = True

    def _settle_error(self, call: Call, error: ValkeyError) -> None:
        if self._is_open:
            self._owner.on_error(self, call, error)
        else:
            call.fail(error)

    def _check_oldest(self) -> None:
        """One timer watches all calls."""
        self._timer = None
        if not self.sent:
            return
        due_at = self._due_at()
        if self._loop.time() < due_at:
            self._timer = self._loop.call_at(due_at, self._check_oldest)
        else:
            self._lose(TimeoutError(f"no reply within {self._timeout:g} s"))

    def _due_at(self) -> float:
        # The first is not always the oldest: a call that is sent again goes to the end.
        return min([call.started_at for call in self.sent]) + self._timeout

    def _lose(self, error: Exception) -> None:
        if self._loss is not None:
            return
        self._end(error)
        if self._is_open:
            self._owner.on_loss(self, error)
        else:
            for call in self.sent:
                call.fail(error)

    def _end(self, error: Exception) -> None:
        self._loss = error
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()


def _unasked(reply: object) -> Exception:
    if isinstance(reply, ValkeyError):  # the server says why it closes
        return reply
    return hiredis.ProtocolError(f"a reply to no command: {reply!r:.100}")
