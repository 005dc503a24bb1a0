"""Valkey and Redis: many callers, one connection, one write for all calls of a moment.

The server runs one command at a time, so a pool of connections would make nothing faster, and it
can be empty. Here all calls made in one turn of the event loop leave in one write, without
waiting for the replies to earlier ones
(docs/decisions/0011-calls-to-valkey-share-a-connection.md)::

    ADD = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")

    async with Valkey(settings.store_url, metrics=metrics) as valkey:
        value = await valkey.run("add", ADD, keys=["visits"], arguments=[1])

A script is named by its digest, so replicas with different versions of the code do not disturb
each other. A server that lost it (a restart, a failover) gets it again at once.

Nothing is sent twice. A call whose reply was lost raises `StoreUnavailable`, and the caller
decides whether to repeat it.
"""

import asyncio
import hashlib
import random
from collections.abc import Iterable, Sequence
from contextvars import Context
from types import TracebackType
from typing import Any, Self

from app.stores.errors import StoreErrorLog, StoreFull, StoreUnavailable
from app.stores.valkey_connection import Address, Argument, Call, Command, Connection, ValkeyError
from app.telemetry.metrics import Metrics

STORE = "valkey"

MAX_CALLS = 4096
"""Calls without a reply. More are refused at once."""

# After a failure nothing is sent for this long (seconds, doubling, half of it random).
MIN_PAUSE = 0.05
MAX_PAUSE = 1.0

UNAVAILABLE = {
    "READONLY": "The store cannot be written to.",
    "MISCONF": "The store cannot be written to.",
    "NOREPLICAS": "The store cannot be written to.",
    "LOADING": "The store is still loading.",
    "MASTERDOWN": "The store is a replica without its primary.",
    "BUSY": "The store is busy with a script.",
    "CLUSTERDOWN": "The cluster of the store is down.",
}
"""Codes of errors that mean "not now", not "wrong command"."""

REPLICA_CODES = frozenset(("READONLY", "LOADING", "MASTERDOWN"))
"""Errors of a server that was the primary. The name may lead to the new one by now."""

# Errors of a server that takes no command on this connection, whatever it is.
REFUSALS = ("NOAUTH ", "WRONGPASS ", "ERR max number of clients ")


class Script:
    """Lua that the server runs as one atomic step."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


class Valkey:
    """A connection to one server, or to the primary behind a name.

    ``url`` is ``valkey://`` or ``redis://[[user]:password@]host[:port][/number]``. The
    connection is opened when needed, so a server that is down stops neither start-up nor
    liveness. ``timeout`` (seconds) limits each call, connecting and sending again included.
    """

    def __init__(self, url: str, *, metrics: Metrics, timeout: float = 1.0) -> None:
        self._address = Address.from_url(url)
        self._metrics = metrics
        self._timeout = timeout
        self._loop: asyncio.AbstractEventLoop
        # Not the callers' contexts: what the connection logs has no request's id.
        self._context = Context()
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: list[Call] = []
        self._is_flush_due = False
        self._turn_at = 0.0
        """When the first call of this turn of the event loop was made; all its calls share it."""
        self._is_closed = False
        self._failures = 0
        self._paused_until = 0.0
        self._error_log = StoreErrorLog(STORE)
        self._memory_used = metrics.gauge(
            "store_memory_used_bytes", "How full is the store?", ("store",)
        ).labels(STORE)
        self._memory_limit = metrics.gauge(
            "store_memory_limit_bytes", "When is the store full? 0 without a limit.", ("store",)
        ).labels(STORE)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_closed = True
        self._fail_waiting("The store was closed.")
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        if self._connection is not None:
            _fail(self._connection.sent, "The store was closed.")
            await self._connection.close()

    async def command(self, operation: str, *command: Argument) -> Any:
        """Run one command and return the server's reply, text decoded.

        ``operation`` is the label in ``store_operation_duration_seconds``.
        Raises `StoreUnavailable`; `ValkeyError` when the command is wrong.
        """
        with self._metrics.store_operation(STORE, operation):
            return await self._send(command)

    async def run(
        self,
        operation: str,
        script: Script,
        *,
        keys: Sequence[str],
        arguments: Sequence[Argument] = (),
    ) -> Any:
        """Run ``script`` with ``KEYS`` and ``ARGV``. Raises what `command` raises."""
        command = ("EVALSHA", script.digest, len(keys), *keys, *arguments)
        with self._metrics.store_operation(STORE, operation):
            return await self._send(command, source=script.source)

    async def ping(self) -> None:
        """Check that the server responds, even during a pause. Raises `StoreUnavailable`."""
        with self._metrics.store_operation(STORE, "ping"):
            await self._send(("PING",), pause_applies=False)

    async def measure(self) -> None:
        """Update the metrics of the server's memory. Raises `StoreUnavailable`."""
        lines = str(await self.command("measure", "INFO", "memory")).splitlines()
        values = dict(line.split(":", 1) for line in lines if ":" in line)
        self._memory_used.set(int(values["used_memory"]))
        self._memory_limit.set(int(values["maxmemory"]))

    def _send(
        self, command: Command, *, source: str | None = None, pause_applies: bool = True
    ) -> "asyncio.Future[Any]":
        """The reply to come. The command leaves with all others of this turn of the event loop."""
        if self._is_closed:
            raise StoreUnavailable("The store was closed.")
        if pause_applies and self._paused_until and self._loop.time() < self._paused_until:
            raise StoreUnavailable("The store is not answering.")
        sent = 0 if self._connection is None else len(self._connection.sent)
        if sent + len(self._waiting) >= MAX_CALLS:
            raise StoreUnavailable("Too many are waiting for the store.")
        reply = self._loop.create_future()
        self._plan_flush()
        self._waiting.append(Call(command, reply, self._turn_at, source))
        return reply

    def _plan_flush(self) -> None:
        if not self._is_flush_due:
            self._is_flush_due = True
            self._turn_at = self._loop.time()
            self._loop.call_soon(self._flush, context=self._context)

    def _flush(self) -> None:
        self._is_flush_due = False
        if self._connection is None:
            if self._connecting is None and not self._is_closed:
                self._connecting = self._loop.create_task(self._connect())
        elif not self._connection.is_retired:
            self._send_waiting(self._connection)

    def _send_waiting(self, connection: Connection) -> None:
        # While we were connecting, callers may have been cancelled.
        calls = [call for call in self._waiting if not call.reply.done()]
        self._waiting.clear()
        if calls:
            connection.send(calls)

    async def _connect(self) -> None:
        started_at = min((call.started_at for call in self._waiting), default=self._loop.time())
        connection = Connection(self, timeout=self._timeout)
        try:
            async with asyncio.timeout_at(started_at + self._timeout):
                await connection.open(self._address, started_at=started_at)
        except (Exception, asyncio.CancelledError) as error:  # no call waits for ever
            why = f"connecting to {self._address}: {str(error) or type(error).__name__}"
            if not self._is_closed:
                self._pause(ConnectionError(why))
        else:
            self._connection = connection
            self._paused_until = 0.0
            self._send_waiting(connection)
        finally:
            self._connecting = None

    def on_error(self, connection: Connection, call: Call, error: ValkeyError) -> None:
        """Settle a call that the server answered with an error. Raises what ends the connection."""
        if error.code == "NOSCRIPT" and call.source is not None:
            # The script did not run, so this is no repetition.
            command = ("EVAL", call.source, *call.command[2:])
            self._plan_flush()
            self._waiting.append(Call(command, call.reply, call.started_at))
            return
        if str(error).startswith(REFUSALS):
            connection.sent.appendleft(call)  # it fails with all others
            raise error
        if error.code in REPLICA_CODES:
            connection.is_retired = True
        translated = _store_error(error)
        if isinstance(translated, StoreUnavailable):
            self._error_log.add(translated, error)
        call.fail(translated)

    def on_loss(self, connection: Connection, error: Exception) -> None:
        """Fail the calls under way; connect again for those that are not sent yet."""
        self._connection = None
        if connection.has_served:
            self._failures = 0
        if connection.sent or not connection.has_served:
            _fail(connection.sent, "The store is not answering.", error)
            self._pause(error)
            return
        if not isinstance(error, OSError):  # an idle connection may close, and nothing else
            self._error_log.add(StoreUnavailable("The store sent what no call asked for."), error)
        if self._waiting:
            self._flush()

    def _pause(self, error: Exception) -> None:
        """Send nothing for a while. The waiting calls would fail the same way, so fail them now."""
        pause = min(MIN_PAUSE * 2**self._failures, MAX_PAUSE) * random.uniform(0.5, 1)
        self._failures += 1
        self._paused_until = self._loop.time() + pause
        self._error_log.add(StoreUnavailable("The store is not answering."), error)
        self._fail_waiting("The store is not answering.", error)

    def _fail_waiting(self, reason: str, cause: Exception | None = None) -> None:
        _fail(self._waiting, reason, cause)
        self._waiting.clear()


def _fail(calls: Iterable[Call], reason: str, cause: Exception | None = None) -> None:
    for call in calls:
        problem = StoreUnavailable(reason)
        # Callers get the reason; readiness and the log also show the cause.
        problem.__cause__ = cause
        call.fail(problem)


def _store_error(error: ValkeyError) -> Exception:
    if error.code == "OOM":
        return StoreFull("The store has no room left: it refuses changes and answers questions.")
    if error.code in UNAVAILABLE:
        return StoreUnavailable(UNAVAILABLE[error.code])
    return error
