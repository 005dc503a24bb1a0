"""SQLite and Postgres behind one door.

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

Whatever the store does wrong becomes one error, `StoreUnavailable`; wrong SQL and broken
constraints stay SQLAlchemy's own errors, because they are ours to fix::

    Unavailable (503)
    └── StoreUnavailable    down, too slow, locked, full, out of connections
        └── WriteConflict   lost against another transaction: worth doing again
"""

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.engine import Connection, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.background import meanwhile, repeat
from app.errors import Problem
from app.stores.clock import Clock, StoreClock, machine_clock
from app.stores.errors import StoreUnavailable as StoreUnavailable  # also for those who use SQL
from app.telemetry.metrics import Metrics

T = TypeVar("T")

WRITE_ATTEMPTS = 3

READ_CLOCK = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
READ_CLOCK_EVERY = 5.0
FIRST_READING_WITHIN = 0.5
"""Seconds. Later than that the first connection brings the time."""

# SQLite looks for a free lock after 1, 2, 5, 10 and more milliseconds, in the end every 100. The
# writers of another process take turns without such a pause, so we would hardly ever see it
# free: we begin the row of looks anew instead, again and again.
BUSY_MILLISECONDS = 10

# SQLSTATE classes and codes by which Postgres says "not now" rather than "wrong":
# connection, resources, operator intervention, system; a lock not had in time; a standby.
UNAVAILABLE_CLASSES = ("08", "53", "57", "58")
LOCK_NOT_AVAILABLE = "55P03"
READ_ONLY_TRANSACTION = "25006"
CONFLICTS = ("40001", "40P01")

# The primary result codes by which SQLite says the same. SQLITE_ERROR (wrong SQL) is not one.
UNAVAILABLE_SQLITE_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)


class WriteConflict(StoreUnavailable):
    """Another transaction won. `Database.run` has already tried again."""


class Database:
    """A pool of connections to one SQLite file or one Postgres database.

    A block of `transaction` or `reading` holds a connection, and of SQLite's writers there is
    one: put statements into it and nothing that waits for anybody else.

    ``url`` is ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or a libpq URL
    ``postgresql://…``, where several hosts and ``target_session_attrs=read-write`` find the
    primary after a failover. Connections are made when they are needed, so a store that is
    down stops neither start-up nor liveness.

    ``patience`` (seconds) limits each wait: for a connection, for the write lock, for a
    statement.

    ``clock`` tells the time that all users of the store agree on (`app.stores.clock`).
    """

    clock: Clock

    def __init__(
        self, url: str, *, metrics: Metrics, pool_size: int = 8, patience: float = 2.0
    ) -> None:
        self.store = "sqlite" if url.startswith("sqlite:") else "postgres"
        self._metrics = metrics
        self._patience = patience
        self._open = AsyncExitStack()
        if self.store == "sqlite":
            self.clock = machine_clock
            self._writer = _sqlite_writer(url, patience)
            self._reader = _sqlite_engine(url, pool_size, patience)
        else:
            self.clock = self._store_clock = StoreClock()
            self._writer = _postgres_engine(url, pool_size, patience, self._store_clock)
            self._reader = self._writer.execution_options(isolation_level="AUTOCOMMIT")

    async def __aenter__(self) -> Self:
        if self.store == "postgres":
            with suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(FIRST_READING_WITHIN):
                    await self._read_clock()
            reading = repeat(
                self._read_clock, every=READ_CLOCK_EVERY, name="read the store's clock"
            )
            await self._open.enter_async_context(meanwhile(reading))
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
        """Ask the store for a sign of life. Raises `StoreUnavailable`."""
        async with self.reading("ping") as connection:
            await connection.execute(text("SELECT 1"))

    async def _read_clock(self) -> None:
        async with self.reading("clock") as connection:
            since = self._store_clock.started()
            milliseconds = await connection.scalar(text(READ_CLOCK))
            self._store_clock.heard(milliseconds, since=since)

    @asynccontextmanager
    async def _observed(self, operation: str) -> AsyncIterator[None]:
        """Measure the block and translate the store's errors.

        A refusal (any other `Problem` raised inside) rolls back, yet the store did its part:
        it is measured as ok and raised again outside the measurement.
        """
        refusal: Problem | None = None
        with self._metrics.store_operation(self.store, operation), _translated():
            try:
                yield
            except StoreUnavailable:
                raise
            except Problem as problem:
                refusal = problem
        if refusal is not None:
            raise refusal


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StoreUnavailable("The connection to the store broke.") from error
        if (problem := _problem_of(error.orig)) is not None:
            raise problem from error
        raise
    except (PoolTimeoutError, TimeoutError, OSError) as error:
        # No connection or no answer: nothing a driver would have words for.
        raise StoreUnavailable("The store did not answer in time.") from error


def _problem_of(error: BaseException | None) -> StoreUnavailable | None:
    """What a driver's error means for the caller; None: it is a mistake of ours."""
    if isinstance(error, sqlite3.Error):
        primary_code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if primary_code in UNAVAILABLE_SQLITE_CODES:
            return StoreUnavailable("The store is busy or cannot be written to.")
        return None
    state = _sqlstate(error)
    if state in CONFLICTS:
        return WriteConflict("Somebody else changed the same thing at the same time.")
    if state[:2] in UNAVAILABLE_CLASSES:
        return StoreUnavailable("The store is not answering.")
    if state in (LOCK_NOT_AVAILABLE, READ_ONLY_TRANSACTION):
        return StoreUnavailable("The store cannot be written to.")
    return None


def _sqlstate(error: BaseException | None) -> str:
    """The SQLSTATE of a Postgres error; empty for one the server knows nothing of."""
    return getattr(error, "sqlstate", None) or ""


def _sqlite_engine(url: str, pool_size: int, patience: float) -> AsyncEngine:
    engine = create_async_engine(
        make_url(url).set(drivername="sqlite+aiosqlite"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=patience,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: ConnectionPoolEntry) -> None:
        # The driver must not begin transactions by itself: it would begin deferred ones.
        connection.isolation_level = None
        try:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
            cursor.execute("PRAGMA journal_mode = WAL")
            # In WAL mode NORMAL survives the death of the process; a power cut may cost the
            # last transactions, never the file.
            cursor.execute("PRAGMA synchronous = NORMAL")
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.close()
        except BaseException:
            # The pool forgets a connection that fails here, and its thread would live on.
            connection.close()
            raise

    return engine


def _sqlite_writer(url: str, patience: float) -> AsyncEngine:
    """One connection: SQLite has one writer, and its pool is the line to wait in."""
    engine = _sqlite_engine(url, 1, patience)

    @event.listens_for(engine.sync_engine, "connect")
    def look_often(connection: Any, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def take_write_lock(connection: Connection) -> None:
        give_up_at = time.monotonic() + patience
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return
            except DBAPIError as error:
                if not _is_busy(error.orig) or time.monotonic() >= give_up_at:
                    raise

    return engine


def _is_busy(error: BaseException | None) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _postgres_engine(url: str, pool_size: int, patience: float, clock: StoreClock) -> AsyncEngine:
    async def connect() -> Any:
        connection = await asyncpg.connect(
            url,
            timeout=patience,
            # The server gives up first and says so; ours is for a server that says nothing.
            command_timeout=patience + 0.5,
            server_settings={
                "application_name": "cartwheel",
                "statement_timeout": str(int(patience * 1000)),
                "lock_timeout": str(int(patience * 1000)),
                "idle_in_transaction_session_timeout": "10000",
            },
        )
        # Who can use the store knows its time.
        since = clock.started()
        clock.heard(await connection.fetchval(READ_CLOCK), since=since)
        return connection

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=patience,
        isolation_level="READ COMMITTED",
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def refuse_closed(connection: Any, _record: ConnectionPoolEntry, _proxy: Any) -> None:
        # asyncpg hears of a server that went away; asking costs nothing, a ping a round trip.
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError

    @event.listens_for(engine.sync_engine, "handle_error")
    def leave_a_standby(context: ExceptionContext) -> None:
        # After a failover the old primary still answers, but only reads: find the new one.
        if _sqlstate(context.original_exception) == READ_ONLY_TRANSACTION:
            context.is_disconnect = True

    return engine
