"""`Database`: SQLite and Postgres with one interface.

A repository writes its SQL once, as module constants of `app.stores.statements.Statement`, and both
stores run it. What keeps that true:

* Postgres infers a parameter's type from its place, so a bare one says it itself:
  ``CAST(:now AS BIGINT)``;
* ``INSERT … ON CONFLICT``, ``RETURNING`` and conditional ``UPDATE`` mean the same in both;
* times are ``BIGINT`` epoch milliseconds by `Database.clock`, documents are JSON in ``TEXT``,
  flags are ``INTEGER``;
* rows are changed in the order of their key, so that two transactions never wait for each other.

::

    async with Database(settings.store_url, metrics=metrics) as database:
        async with database.transaction("add") as connection:
            value = await connection.scalar(ADD, {"by": 1, "name": "visits"})

Whatever is wrong with the store becomes a `StoreUnavailable` (the tree is in
`app.stores.errors`), logged once. A broken constraint is an `IntegrityError`; wrong SQL stays
the driver's own error, because it is ours to fix.

`sqlite` and `postgres` contain what differs. Each is imported with its driver when it is used.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from app.errors import Problem
from app.process.background import repeat, run_in_background
from app.stores.clock import Clock, StoreClock, machine_clock
from app.stores.errors import IntegrityError, StoreErrorLog, StoreUnavailable, WriteConflict
from app.stores.pool import Pool
from app.stores.statements import Connection, Statement
from app.telemetry.metrics import Metrics

P = ParamSpec("P")
T = TypeVar("T")

PING = Statement("SELECT 1")
WRITE_ATTEMPTS = 3
READ_CLOCK_INTERVAL = 5.0
FIRST_CLOCK_TIMEOUT = 0.5
"""Seconds to wait for the time at start. After that, the first connection brings it."""


def retry_conflicts(write: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Do a write again when it lost against another transaction, three times in all.

    For methods of repositories that use `Database.transaction` or `Database.writing` and have no
    effects outside the store.
    """

    @wraps(write)
    async def retried(*args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(1, WRITE_ATTEMPTS):
            try:
                return await write(*args, **kwargs)
            except WriteConflict:
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))
        return await write(*args, **kwargs)

    return retried


class Database:
    """A pool of connections to one SQLite file or one Postgres database.

    A block of `transaction` or `reading` holds a connection, and SQLite has a single writer:
    put statements into it, and nothing that waits for something else.

    ``url`` is ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or a libpq URL
    ``postgresql://…``, where several hosts and ``target_session_attrs=read-write`` find the
    primary after a failover. Connections are opened when needed, so a store that is down
    stops neither start-up nor liveness. A SQLite file has to exist; `migrate` creates it.

    ``timeout`` (seconds) limits each wait: for a connection, for the write lock, for a
    statement.

    ``clock`` is the time that all users of the store share (`app.stores.clock`).
    """

    clock: Clock

    def __init__(
        self, url: str, *, metrics: Metrics, pool_size: int = 8, timeout: float = 2.0
    ) -> None:
        self.store = "sqlite" if url.startswith("sqlite:") else "postgres"
        self._open = AsyncExitStack()
        self._writer: Pool[Any]
        self._reader: Pool[Any]
        if self.store == "sqlite":
            from app.stores import sqlite

            self.clock = machine_clock
            self._writer = sqlite.create_writer(url, timeout)
            self._reader = sqlite.create_reader(url, pool_size, timeout)
            self._observer = _Observer(self.store, metrics, sqlite.store_error)
        else:
            from app.stores import postgres

            self.clock = self._store_clock = StoreClock()
            self._writer = postgres.create_pool(url, pool_size, timeout, self._store_clock)
            self._reader = self._writer
            self._observer = _Observer(self.store, metrics, postgres.store_error)

    async def __aenter__(self) -> Self:
        if self.store == "postgres":
            with suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(FIRST_CLOCK_TIMEOUT):
                    await self._read_clock()
            reading = repeat(
                self._read_clock, every=READ_CLOCK_INTERVAL, name="read the store's clock"
            )
            await self._open.enter_async_context(run_in_background(reading))
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.aclose()
        await self._reader.close()
        await self._writer.close()

    def transaction(self, operation: str) -> "_Transaction":
        """All or nothing: commits at the end of the block, rolls back when it raises.

        Postgres runs it as READ COMMITTED. SQLite takes the write lock at once, one writer of
        this process at a time, so that readers never have to become writers half-way.
        ``operation`` is the label in ``store_operation_duration_seconds``.

        Raises `StoreUnavailable`, and as one of them `WriteConflict`: Postgres chose another
        transaction, or the tables were changed meanwhile. `retry_conflicts` tries again then.
        """
        return _Transaction(self._writer, self._observer, operation)

    def reading(self, operation: str) -> "_Block":
        """Read without a transaction: each statement sees what was committed before it.

        Raises `StoreUnavailable`.
        """
        return _Block(self._reader, self._observer, operation)

    def writing(self, operation: str) -> "_Block":
        """Write without a transaction: each statement commits by itself.

        For one statement this is a third of the round trips of a `transaction`.

        Raises `StoreUnavailable`.
        """
        return _Block(self._writer, self._observer, operation)

    async def run(self, operation: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        """`transaction` around ``work``, done again when it lost against another one.

        ``work`` must not have effects outside the store. Raises `StoreUnavailable`.
        """

        @retry_conflicts
        async def run_once() -> T:
            async with self.transaction(operation) as connection:
                return await work(connection)

        return await run_once()

    async def ping(self) -> None:
        """Check that the store responds. Raises `StoreUnavailable`."""
        async with self.reading("ping") as connection:
            await connection.scalar(PING)

    async def _read_clock(self) -> None:
        from app.stores.postgres import READ_CLOCK

        # Over each connection in turn: between us and the server there may be a firewall that
        # forgets an idle one, and the next burst would find that out by waiting in vain.
        self._reader.rotate()
        async with self.reading("clock") as connection:
            since = self._store_clock.start_reading()
            milliseconds = await connection.scalar(READ_CLOCK)
            self._store_clock.set(milliseconds, since=since)


class _Observer:
    """Measures blocks, and translates and logs the store's errors."""

    def __init__(
        self,
        store: str,
        metrics: Metrics,
        store_error: Callable[[Exception], StoreUnavailable | IntegrityError | None],
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._store_error = store_error
        self._error_log = StoreErrorLog(store)

    def finished(self, operation: str, seconds: float, error: BaseException | None) -> None:
        """Raises what an error of the driver means, unless it is a mistake of ours."""
        translated = None if error is None else self._translated(error)
        outcome = _outcome(translated or error)
        self._metrics.store_finished(self._store, operation, outcome, seconds)
        if translated is not None:
            raise translated from error

    def _translated(self, error: BaseException) -> StoreUnavailable | IntegrityError | None:
        if isinstance(error, StoreUnavailable):
            self._error_log.add(error, error.__cause__)
            return None
        if isinstance(error, Problem) or not isinstance(error, Exception):
            return None
        translated = self._meaning(error)
        if isinstance(translated, StoreUnavailable):
            self._error_log.add(translated, error)
        return translated

    def _meaning(self, error: Exception) -> StoreUnavailable | IntegrityError | None:
        if isinstance(error, TimeoutError | OSError):
            # No connection or no response, so there is no error code.
            return StoreUnavailable("The store did not answer in time.")
        return self._store_error(error)


def _outcome(error: BaseException | None) -> str:
    """The label; a refusal (another `Problem`) rolls back, yet the store did its part."""
    if isinstance(error, StoreUnavailable):
        return error.store_outcome
    return "ok" if error is None or isinstance(error, Problem) else "error"


class _Block:
    """A block with a connection in autocommit."""

    # A class: the generators of `contextlib` made reading a row by its key 10 % dearer.
    __slots__ = ("_connection", "_observer", "_operation", "_pool", "_started")

    def __init__(self, pool: Pool[Any], observer: _Observer, operation: str) -> None:
        self._pool = pool
        self._observer = observer
        self._operation = operation

    async def __aenter__(self) -> Connection:
        self._started = time.perf_counter()
        try:
            self._connection = await self._pool.acquire()
        except BaseException as error:
            self._finish(error)
            raise
        connection: Connection = self._connection
        return connection

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.release(self._connection)
        self._finish(error)

    def _finish(self, error: BaseException | None) -> None:
        self._observer.finished(self._operation, time.perf_counter() - self._started, error)


class _Transaction(_Block):
    """A block in a transaction."""

    __slots__ = ()

    async def __aenter__(self) -> Connection:
        connection = await super().__aenter__()
        try:
            await self._connection.begin()
        except BaseException as error:
            await self._end(error)
            raise
        return connection

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                await self._connection.commit()
            except BaseException as failure:
                await self._end(failure)
                raise
        await self._end(error)

    async def _end(self, error: BaseException | None) -> None:
        try:
            if error is not None:
                await self._connection.rollback()
        except BaseException as failure:
            # A cancellation that comes meanwhile is what the block ends with.
            error = failure
            raise
        finally:
            self._pool.release(self._connection)
            self._finish(error)
