"""`Database`: SQLite and Postgres with one interface.

A repository writes its SQL once, as module constants made by ``sqlalchemy.text``, and both
stores run it. What keeps that true:

* parameters are ``:named``; a list is ``bindparam("skus", expanding=True)``;
* Postgres infers a parameter's type from its place, so a bare one says it itself:
  ``CAST(:now AS BIGINT)``;
* ``INSERT … ON CONFLICT``, ``RETURNING`` and conditional ``UPDATE`` mean the same in both;
* times are ``BIGINT`` epoch milliseconds by `Database.clock`, documents are JSON in ``TEXT``,
  flags are ``INTEGER``;
* rows are changed in the order of their key, so that two transactions never wait for each other.

::

    ADD = text("UPDATE counters SET value = value + :by WHERE name = :name RETURNING value")

    async with Database(settings.store_url, metrics=metrics) as database:
        async with database.transaction("add") as connection:
            value = (await connection.execute(ADD, {"by": 1, "name": "visits"})).scalar_one()

Whatever is wrong with the store becomes a `StoreUnavailable` (the tree is in
`app.stores.errors`), logged once. Wrong SQL and broken constraints stay SQLAlchemy's own errors,
because they are ours to fix.

`sqlite` and `postgres` contain what differs.
"""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import Problem
from app.process.background import repeat, run_in_background
from app.stores import postgres, sqlite
from app.stores.clock import Clock, StoreClock, machine_clock
from app.stores.errors import StoreErrorLog, StoreUnavailable, WriteConflict
from app.telemetry.metrics import Metrics

T = TypeVar("T")

WRITE_ATTEMPTS = 3
READ_CLOCK_INTERVAL = 5.0
FIRST_CLOCK_TIMEOUT = 0.5
"""Seconds to wait for the time at start. After that, the first connection brings it."""


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
        self._metrics = metrics
        self._error_log = StoreErrorLog(self.store)
        self._open = AsyncExitStack()
        if self.store == "sqlite":
            self.clock = machine_clock
            self._writer = sqlite.create_writer(url, timeout)
            self._reader = sqlite.create_reader(url, pool_size, timeout)
        else:
            self.clock = self._store_clock = StoreClock()
            self._writer = postgres.create_engine(url, pool_size, timeout, self._store_clock)
            self._reader = self._writer.execution_options(isolation_level="AUTOCOMMIT")

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
        await self._reader.dispose()
        await self._writer.dispose()

    @asynccontextmanager
    async def transaction(self, operation: str) -> AsyncIterator[AsyncConnection]:
        """All or nothing: commits at the end of the block, rolls back when it raises.

        Postgres runs it as READ COMMITTED. SQLite takes the write lock at once, one writer of
        this process at a time, so that readers never have to become writers half-way.
        ``operation`` is the label in ``store_operation_duration_seconds``.

        Raises `StoreUnavailable`, and `WriteConflict` when Postgres chose another transaction.
        """
        async with self._observed(operation), self._writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self, operation: str) -> AsyncIterator[AsyncConnection]:
        """Read without a transaction: each statement sees what was committed before it.

        Raises `StoreUnavailable`.
        """
        async with self._observed(operation), self._reader.connect() as connection:
            yield connection

    async def run(self, operation: str, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """`transaction` around ``work``, done again when it lost against another one.

        ``work`` runs up to three times and must not have effects outside the store.
        Raises `StoreUnavailable`.
        """
        for attempt in range(1, WRITE_ATTEMPTS):
            try:
                async with self.transaction(operation) as connection:
                    return await work(connection)
            except WriteConflict:
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))
        async with self.transaction(operation) as connection:
            return await work(connection)

    async def ping(self) -> None:
        """Check that the store responds. Raises `StoreUnavailable`."""
        async with self.reading("ping") as connection:
            await connection.execute(text("SELECT 1"))

    async def _read_clock(self) -> None:
        async with self.reading("clock") as connection:
            since = self._store_clock.start_reading()
            milliseconds = await connection.scalar(text(postgres.READ_CLOCK))
            self._store_clock.set(milliseconds, since=since)

    @asynccontextmanager
    async def _observed(self, operation: str) -> AsyncIterator[None]:
        """Measure the block and translate the store's errors.

        A refusal (any other `Problem` raised inside) rolls back, yet the store did its part:
        it is measured as ok and raised again outside the measurement.
        """
        refusal: Problem | None = None
        with self._metrics.store_operation(self.store, operation), _translated(self._error_log):
            try:
                yield
            except StoreUnavailable:
                raise
            except Problem as problem:
                refusal = problem
        if refusal is not None:
            raise refusal


@contextmanager
def _translated(error_log: StoreErrorLog) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeoutError, TimeoutError, OSError) as error:
        translated = _store_error(error)
        if translated is None:
            raise
        error_log.add(translated, getattr(error, "orig", None) or error)
        raise translated from error
    except StoreUnavailable as error:
        error_log.add(error)
        raise


def _store_error(error: BaseException) -> StoreUnavailable | None:
    """What is wrong with the store; None if it is a mistake of ours."""
    if not isinstance(error, DBAPIError):
        # No connection or no response, so there is no error code.
        return StoreUnavailable("The store did not answer in time.")
    if error.connection_invalidated:
        return StoreUnavailable("The connection to the store broke.")
    if isinstance(error.orig, sqlite3.Error):
        return sqlite.store_error(error.orig)
    return postgres.store_error(error.orig)
