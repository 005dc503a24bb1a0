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

Whatever is wrong with the store becomes a `StoreUnavailable` (`app.stores.errors` draws the
tree), and the log says so once; wrong SQL and broken constraints stay SQLAlchemy's own errors,
because they are ours to fix.

A SQLite file that was deleted, moved or replaced under us is noticed before the next statement:
an open connection would go on, unseen, with a file that nobody can find any more.
"""

import asyncio
import os
import random
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.engine import URL, Connection, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import Problem
from app.process.background import repeat, run_in_background
from app.stores.clock import Clock, StoreClock, machine_clock
from app.stores.errors import SchemaMismatch, StoreErrorLog, StoreFull
from app.stores.errors import StoreUnavailable as StoreUnavailable  # also for those who use SQL
from app.stores.errors import WriteConflict as WriteConflict
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

# SQLSTATE classes and codes by which Postgres says that the fault is not in the statement:
# connection; who may connect; no such database or schema; resources; operator intervention;
# system; damaged data. Then a lock not had in time, a standby, and what we may not touch.
UNAVAILABLE_CLASSES = ("08", "28", "3D", "3F", "53", "57", "58", "XX")
LOCK_NOT_AVAILABLE = "55P03"
READ_ONLY_TRANSACTION = "25006"
INSUFFICIENT_PRIVILEGE = "42501"
DISK_FULL = "53100"
NO_SUCH_TABLE_OR_COLUMN = ("42P01", "42703")
CONFLICTS = ("40001", "40P01")

# What SQLite's primary result codes say. SQLITE_ERROR (wrong SQL) is not among them.
SQLITE_TROUBLES = {
    sqlite3.SQLITE_BUSY: "The store is busy.",
    sqlite3.SQLITE_LOCKED: "The store is busy.",
    sqlite3.SQLITE_PROTOCOL: "The store is busy.",
    sqlite3.SQLITE_INTERRUPT: "The store was interrupted.",
    sqlite3.SQLITE_NOMEM: "The store has no memory left.",
    sqlite3.SQLITE_READONLY: "The store cannot be written to.",
    sqlite3.SQLITE_PERM: "The store's file may not be used.",
    sqlite3.SQLITE_AUTH: "The store's file may not be used.",
    sqlite3.SQLITE_CANTOPEN: "The store's file cannot be opened.",
    sqlite3.SQLITE_IOERR: "The store's file cannot be read or written.",
    sqlite3.SQLITE_CORRUPT: "The store's file is damaged.",
    sqlite3.SQLITE_NOTADB: "The store's file is not a database.",
    sqlite3.SQLITE_INTERNAL: "The store failed.",
}
SQLITE_SCHEMA_WORDS = ("no such table", "no such column", "has no column named")
FILE_IDENTITY = "file"
NO_FILE = "The store's file is not there: bring it back, or run cartwheel migrate."
RUN_MIGRATE = "The store lacks tables or columns this code needs: run cartwheel migrate."


class Database:
    """A pool of connections to one SQLite file or one Postgres database.

    A block of `transaction` or `reading` holds a connection, and of SQLite's writers there is
    one: put statements into it and nothing that waits for anybody else.

    ``url`` is ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or a libpq URL
    ``postgresql://…``, where several hosts and ``target_session_attrs=read-write`` find the
    primary after a failover. Connections are made when they are needed, so a store that is
    down stops neither start-up nor liveness; a SQLite file has to be there, `migrate` makes it.

    ``timeout`` (seconds) limits each wait: for a connection, for the write lock, for a
    statement.

    ``clock`` tells the time that all users of the store agree on (`app.stores.clock`).
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
            self._writer = _sqlite_writer(url, timeout)
            self._reader = _sqlite_engine(url, pool_size, timeout)
        else:
            self.clock = self._store_clock = StoreClock()
            self._writer = _postgres_engine(url, pool_size, timeout, self._store_clock)
            self._reader = self._writer.execution_options(isolation_level="AUTOCOMMIT")

    async def __aenter__(self) -> Self:
        if self.store == "postgres":
            with suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(FIRST_READING_WITHIN):
                    await self._read_clock()
            reading = repeat(
                self._read_clock, every=READ_CLOCK_EVERY, name="read the store's clock"
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
        trouble = _trouble_of(error)
        if trouble is None:
            raise
        error_log.add(trouble, getattr(error, "orig", None) or error)
        raise trouble from error
    except StoreUnavailable as trouble:
        error_log.add(trouble)
        raise


def _trouble_of(error: BaseException) -> StoreUnavailable | None:
    """What is wrong with the store; None: it is a mistake of ours."""
    if not isinstance(error, DBAPIError):
        # No connection or no answer: nothing a driver would have words for.
        return StoreUnavailable("The store did not answer in time.")
    if error.connection_invalidated:
        return StoreUnavailable("The connection to the store broke.")
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_trouble(error.orig)
    return _postgres_trouble(_sqlstate(error.orig))


def _sqlite_trouble(error: sqlite3.Error) -> StoreUnavailable | None:
    primary_code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if primary_code == sqlite3.SQLITE_FULL:
        return StoreFull("The disk of the store is full.")
    if primary_code == sqlite3.SQLITE_ERROR:
        lacks_something = any(words in str(error) for words in SQLITE_SCHEMA_WORDS)
        return SchemaMismatch(RUN_MIGRATE) if lacks_something else None
    words = SQLITE_TROUBLES.get(primary_code)
    return StoreUnavailable(words) if words else None


def _postgres_trouble(state: str) -> StoreUnavailable | None:
    if state in CONFLICTS:
        return WriteConflict("Somebody else changed the same thing at the same time.")
    if state in NO_SUCH_TABLE_OR_COLUMN:
        return SchemaMismatch(RUN_MIGRATE)
    if state == DISK_FULL:
        return StoreFull("The disk of the store is full.")
    if state in (LOCK_NOT_AVAILABLE, READ_ONLY_TRANSACTION):
        return StoreUnavailable("The store cannot be written to.")
    if state[:2] in UNAVAILABLE_CLASSES or state == INSUFFICIENT_PRIVILEGE:
        return StoreUnavailable("The store is not answering.")
    return None


def _sqlstate(error: BaseException | None) -> str:
    """The SQLSTATE of a Postgres error; empty for one the server knows nothing of."""
    return getattr(error, "sqlstate", None) or ""


def _sqlite_engine(url: str, pool_size: int, timeout: float) -> AsyncEngine:
    file = Path(make_url(url).database or "").absolute()
    engine = create_async_engine(
        _existing_file(file),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=timeout,
    )

    @event.listens_for(engine.sync_engine, "do_connect")
    def refuse_no_file(*_: Any) -> None:
        if _identity_of(file) is None:
            raise StoreUnavailable(NO_FILE)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[FILE_IDENTITY] = _identity_of(file)
        # The driver must not begin transactions by itself: it would begin deferred ones.
        connection.isolation_level = None
        try:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {int(timeout * 1000)}")
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

    @event.listens_for(engine.sync_engine, "checkout")
    def refuse_a_lost_file(_: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if _identity_of(file) != record.info[FILE_IDENTITY]:
            raise InvalidatePoolError

    return engine


def _existing_file(file: Path) -> URL:
    """Opens a file that is there and makes none: an empty one would look like a lost shop."""
    query = {"mode": "rw", "uri": "true"}
    return URL.create("sqlite+aiosqlite", database=f"file:{quote(str(file))}", query=query)


def _identity_of(file: Path) -> tuple[int, int] | None:
    """Which file lies at this path; None: none does."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _sqlite_writer(url: str, timeout: float) -> AsyncEngine:
    """One connection: SQLite has one writer, and its pool is the line to wait in."""
    engine = _sqlite_engine(url, 1, timeout)

    @event.listens_for(engine.sync_engine, "connect")
    def look_often(connection: Any, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def take_write_lock(connection: Connection) -> None:
        give_up_at = time.monotonic() + timeout
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


def _postgres_engine(url: str, pool_size: int, timeout: float, clock: StoreClock) -> AsyncEngine:
    async def connect() -> Any:
        connection = await asyncpg.connect(
            url,
            timeout=timeout,
            # The server gives up first and says so; ours is for a server that says nothing.
            command_timeout=timeout + 0.5,
            server_settings={
                "application_name": "cartwheel",
                "statement_timeout": str(int(timeout * 1000)),
                "lock_timeout": str(int(timeout * 1000)),
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
        pool_timeout=timeout,
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
