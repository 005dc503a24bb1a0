"""Valkey and Redis: many callers, one connection, one round trip for all concurrent calls.

The server runs one command at a time, so a pool of connections would make nothing faster, and it
can be empty. Here all calls made during one round trip leave together in the next, as one
pipeline (docs/decisions/0011-calls-to-valkey-share-a-round-trip.md)::

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
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from redis.asyncio import Connection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

from app.process.background import BackgroundTask, run_in_background
from app.stores.errors import StoreErrorLog, StoreFull, StoreUnavailable
from app.telemetry.metrics import Metrics

STORE = "valkey"

# Calls in one round trip, and calls waiting for the next one. More are refused at once.
MAX_BATCH = 256
MAX_WAITING = 4096

# After a failure nothing is sent for this long (seconds, doubling, half of it random).
MIN_PAUSE = 0.05
MAX_PAUSE = 1.0

# Errors that mean "not now", not "wrong command": a replica, a full disk, a running script.
UNAVAILABLE_ERRORS = (ReadOnlyError, MasterDownError)
UNAVAILABLE_CODES = ("MISCONF", "NOREPLICAS", "BUSY", "CLUSTERDOWN")

Argument = str | int
Command = tuple[Argument, ...]


class Script:
    """Lua that the server runs as one atomic step."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.digest = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True, eq=False)
class _Call:
    command: Command
    script: Script | None = None
    reply: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def settle(self, reply: Any) -> None:
        if self.reply.done():  # the caller was cancelled
            return
        if isinstance(reply, BaseException):
            self.reply.set_exception(reply)
        else:
            self.reply.set_result(reply)


class Valkey:
    """A connection to one server, or to the primary behind a name.

    ``url`` is ``valkey://`` or ``redis://[user:password@]host[:port][/database]``. The
    connection is opened when needed, so a server that is down stops neither start-up nor
    liveness. ``timeout`` (seconds) limits each round trip, connecting included.
    """

    def __init__(self, url: str, *, metrics: Metrics, timeout: float = 1.0) -> None:
        self._metrics = metrics
        self._timeout = timeout
        self._pool = ConnectionPool.from_url(
            url.replace("valkey://", "redis://", 1),
            max_connections=1,
            decode_responses=True,
            protocol=2,
            socket_connect_timeout=timeout,
            socket_timeout=None,  # the round trip as a whole is limited instead
            retry=Retry(NoBackoff(), 0),
        )
        self._waiting: list[_Call] = []
        self._called = asyncio.Event()
        self._open = AsyncExitStack()
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
        await self._open.enter_async_context(
            run_in_background(BackgroundTask("valkey", self._send_batches))
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.aclose()
        _fail(self._waiting, "The store was closed.")
        await self._pool.disconnect()

    async def command(self, operation: str, *command: Argument) -> Any:
        """Run one command and return the server's reply, text decoded.

        ``operation`` is the label in ``store_operation_duration_seconds``.
        Raises `StoreUnavailable`; redis-py's `ResponseError` when the command is wrong.
        """
        return await self._send(operation, _Call(command))

    async def run(
        self,
        operation: str,
        script: Script,
        *,
        keys: Sequence[str],
        arguments: Sequence[Argument] = (),
    ) -> Any:
        """Run ``script`` with ``KEYS`` and ``ARGV``. Raises what `command` raises."""
        return await self._send(
            operation, _Call(("EVALSHA", script.digest, len(keys), *keys, *arguments), script)
        )

    async def ping(self) -> None:
        """Check that the server responds, even during a pause. Raises `StoreUnavailable`."""
        await self._send("ping", _Call(("PING",)), pause_applies=False)

    async def measure(self) -> None:
        """Update the metrics of the server's memory. Raises `StoreUnavailable`."""
        lines = str(await self.command("measure", "INFO", "memory")).splitlines()
        values = dict(line.split(":", 1) for line in lines if ":" in line)
        self._memory_used.set(int(values["used_memory"]))
        self._memory_limit.set(int(values["maxmemory"]))

    async def _send(self, operation: str, call: _Call, *, pause_applies: bool = True) -> Any:
        with self._metrics.store_operation(STORE, operation):
            if pause_applies and asyncio.get_running_loop().time() < self._paused_until:
                raise StoreUnavailable("The store is not answering.")
            if len(self._waiting) >= MAX_WAITING:
                raise StoreUnavailable("Too many are waiting for the store.")
            self._waiting.append(call)
            self._called.set()
            return await call.reply

    async def _send_batches(self) -> None:
        while True:
            while self._waiting:
                batch = self._waiting[:MAX_BATCH]
                del self._waiting[:MAX_BATCH]
                try:
                    await self._send_batch(batch)
                finally:  # however it ended, no caller waits for a reply that does not come
                    _fail(batch, "The store is not answering.")
            await self._called.wait()
            self._called.clear()

    async def _send_batch(self, batch: list[_Call]) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                replies = await self._exchange(batch)
        except asyncio.CancelledError:
            _fail(batch, "The store was closed.")
            raise
        except Exception as error:  # whatever it is: this loop must not end
            self._pause(error)
            # The next round trip would fail the same way, so fail its calls now.
            _fail(batch + self._waiting, "The store is not answering.", error)
            self._waiting.clear()
            return
        self._failures = 0
        self._paused_until = 0.0
        for call, reply in zip(batch, replies, strict=True):
            call.settle(self._translate(reply) if isinstance(reply, ResponseError) else reply)

    async def _exchange(self, batch: list[_Call]) -> list[Any]:
        connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            replies = await _round_trip(connection, [call.command for call in batch])
            if any(isinstance(reply, NoScriptError) for reply in replies):
                replies = await _repeat_with_source(connection, batch, replies)
            if any(isinstance(reply, ReadOnlyError) for reply in replies):
                # This server was the primary. The name may lead to the new one by now.
                await connection.disconnect()
            return replies
        except BaseException:
            # Replies may still arrive, and the next call must not read them.
            await connection.disconnect(nowait=True)
            raise
        finally:
            await self._pool.release(connection)

    def _pause(self, error: Exception) -> None:
        pause = min(MIN_PAUSE * 2**self._failures, MAX_PAUSE) * random.uniform(0.5, 1)
        self._failures += 1
        self._paused_until = asyncio.get_running_loop().time() + pause
        self._error_log.add(StoreUnavailable("The store is not answering."), error)

    def _translate(self, error: ResponseError) -> Exception:
        """Turn an error of the server into what the caller gets."""
        translated = _store_error(error)
        if isinstance(translated, StoreUnavailable):
            self._error_log.add(translated, error)
        return translated


async def _round_trip(connection: Connection, commands: Sequence[Command]) -> list[Any]:
    """Return the replies; the error of a single command takes the place of its reply."""
    await connection.send_packed_command(connection.pack_commands(commands))
    replies: list[Any] = []
    for _ in commands:
        try:
            replies.append(await connection.read_response())
        except ResponseError as error:
            replies.append(error)
    return replies


async def _repeat_with_source(
    connection: Connection, batch: Sequence[_Call], replies: Sequence[Any]
) -> list[Any]:
    """Repeat the calls whose script the server did not know: they have had no effect yet."""
    commands = []
    for call, reply in zip(batch, replies, strict=True):
        if isinstance(reply, NoScriptError) and call.script is not None:
            commands.append(("EVAL", call.script.source, *call.command[2:]))
    repeated = iter(await _round_trip(connection, commands))
    return [next(repeated) if isinstance(r, NoScriptError) else r for r in replies]


def _fail(calls: Sequence[_Call], reason: str, cause: Exception | None = None) -> None:
    for call in calls:
        problem = StoreUnavailable(reason)
        # Callers get the reason; readiness and the log also show the cause.
        problem.__cause__ = cause
        call.settle(problem)


def _store_error(error: ResponseError) -> Exception:
    if isinstance(error, OutOfMemoryError):
        return StoreFull("The store has no room left: it refuses changes and answers questions.")
    if isinstance(error, UNAVAILABLE_ERRORS) or str(error).startswith(UNAVAILABLE_CODES):
        return StoreUnavailable("The store cannot be written to.")
    return error
