"""Postgres: connections, the server's clock, and what its errors mean."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

import asyncpg

from app.stores.clock import StoreClock
from app.stores.errors import (
    DISK_FULL,
    LACKS_TABLES,
    IntegrityError,
    MissingTable,
    SchemaMismatch,
    StoreFull,
    StoreUnavailable,
    WriteConflict,
)
from app.stores.pool import Pool
from app.stores.statements import NO_VALUES, Row, Statement, Values

READ_CLOCK = Statement("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)")

# SQLSTATE classes and codes of errors that are not the statement's: connection; authentication;
# no such database or schema; resources; operator intervention; system; damaged data. Then a lock
# timeout, a standby, and a missing privilege.
UNAVAILABLE_CLASSES = ("08", "28", "3D", "3F", "53", "57", "58", "XX")
LOCK_NOT_AVAILABLE = "55P03"
READ_ONLY_TRANSACTION = "25006"
INSUFFICIENT_PRIVILEGE = "42501"
NO_DISK_SPACE = "53100"
UNDEFINED_TABLE = "42P01"
UNDEFINED_COLUMN = "42703"
CONFLICTS = ("40001", "40P01")
INTEGRITY_CLASS = "23"

CLOSE_TIMEOUT = 1.0
"""Seconds for the server to stop a statement that nobody waits for any more."""


def store_error(error: BaseException) -> StoreUnavailable | IntegrityError | None:
    """What is wrong with the store or the data; None if the statement is wrong."""
    state = _sqlstate(error)
    if state in CONFLICTS:
        return WriteConflict("Somebody else changed the same thing at the same time.")
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return WriteConflict("The tables were changed at the same time.")
    if state == UNDEFINED_TABLE:
        return MissingTable(LACKS_TABLES)
    if state == UNDEFINED_COLUMN:
        return SchemaMismatch(LACKS_TABLES)
    if state == NO_DISK_SPACE:
        return StoreFull(DISK_FULL)
    if state in (LOCK_NOT_AVAILABLE, READ_ONLY_TRANSACTION):
        return StoreUnavailable("The store cannot be written to.")
    if state[:2] in UNAVAILABLE_CLASSES or state == INSUFFICIENT_PRIVILEGE:
        return StoreUnavailable("The store is not answering.")
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return StoreUnavailable("No host of the store accepts writes.")
    return IntegrityError(str(error)) if state[:2] == INTEGRITY_CLASS else None


def _sqlstate(error: BaseException) -> str:
    """The SQLSTATE of an error; empty for one that did not come from the server."""
    return getattr(error, "sqlstate", None) or ""


class Primary:
    """The server that we write to; another one after a failover."""

    def __init__(self) -> None:
        self.generation = 0

    def lost(self) -> None:
        """Let each connection be opened again, before its next use."""
        self.generation += 1


class PostgresConnection:
    """A connection of asyncpg, which keeps the last 100 statements prepared, for 300 seconds each.

    Only an error that the server reported leaves it in a known state. After any other one, a
    cancellation included, it is not used again.
    """

    def __init__(self, driver: Any, primary: Primary, generation: int, *, max_wait: float) -> None:
        self._driver = driver
        self._primary = primary
        self._generation = generation
        self._is_broken = False
        self._breakage = "The connection to the store broke."
        self._loop = asyncio.get_running_loop()
        self._max_wait = max_wait
        self._respond_by: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def execute(self, statement: Statement, values: Values = NO_VALUES) -> Coroutine[Any, Any, int]:
        return self._count(self._driver.execute(statement.postgres, *statement.arguments(values)))

    def rows(
        self, statement: Statement, values: Values = NO_VALUES
    ) -> Coroutine[Any, Any, Sequence[Row]]:
        return self._result(self._driver.fetch(statement.postgres, *statement.arguments(values)))

    def first(
        self, statement: Statement, values: Values = NO_VALUES
    ) -> Coroutine[Any, Any, Row | None]:
        return self._result(self._driver.fetchrow(statement.postgres, *statement.arguments(values)))

    def scalar(self, statement: Statement, values: Values = NO_VALUES) -> Coroutine[Any, Any, Any]:
        return self._result(self._driver.fetchval(statement.postgres, *statement.arguments(values)))

    async def execute_each(self, statement: Statement, values: Sequence[Values]) -> None:
        if values:
            arguments = [statement.arguments(each) for each in values]
            await self._result(self._driver.executemany(statement.postgres, arguments))

    async def rows_of_each(self, statement: Statement, values: Sequence[Values]) -> Sequence[Row]:
        if not values:
            return []
        arguments = [statement.arguments(each) for each in values]
        rows: Sequence[Row] = await self._result(
            self._driver.fetchmany(statement.postgres, arguments)
        )
        return rows

    async def begin(self) -> None:
        await self._result(self._driver.execute("BEGIN ISOLATION LEVEL READ COMMITTED"))

    async def commit(self) -> None:
        await self._result(self._driver.execute("COMMIT"))

    async def rollback(self) -> None:
        if not self._is_broken and not self.is_idle():
            with suppress(Exception):
                await self._result(self._driver.execute("ROLLBACK"))

    def is_current(self) -> bool:
        # asyncpg notices when the server goes away; asking it is free, a ping is a round trip.
        return self._generation == self._primary.generation and not self._driver.is_closed()

    def is_idle(self) -> bool:
        if self._is_broken or self._driver.is_closed():
            return False
        return not self._driver.is_in_transaction()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            # Also cancels the statement that runs in the server, with its locks.
            await self._driver.close(timeout=CLOSE_TIMEOUT)
        except Exception:
            self._driver.terminate()

    async def _count(self, command: Coroutine[Any, Any, str]) -> int:
        return _rows_changed(await self._result(command))

    async def _result(self, statement: Coroutine[Any, Any, Any]) -> Any:
        """Wait for the server's response, for `_max_wait` seconds at most."""
        self._respond_by = self._loop.time() + self._max_wait
        if self._timer is None:
            self._timer = self._loop.call_later(self._max_wait, self._check_response)
        try:
            return await statement
        except BaseException as error:
            self._failed(error)
            raise
        finally:
            self._respond_by = None

    def _check_response(self) -> None:
        """Break the connection if the server does not respond.

        One timer serves many statements: asyncpg's `command_timeout` starts and cancels one for
        each, which makes reading a row by its key 6 % dearer.
        """
        self._timer = None
        if self._respond_by is None:
            return
        left = self._respond_by - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._check_response)
            return
        self._breakage = "The store did not answer in time."
        self._driver.terminate()

    def _failed(self, error: BaseException) -> None:
        """Keep what the error means for this connection and the others.

        Raises `StoreUnavailable` if it is that the connection broke.
        """
        if self._driver.is_closed():
            self._primary.lost()
            if isinstance(error, Exception):
                raise StoreUnavailable(self._breakage) from error
        if not isinstance(error, asyncpg.PostgresError) or _ends_session(error):
            self._is_broken = True
        if _sqlstate(error) == READ_ONLY_TRANSACTION:
            # After a failover the old primary still answers, but only reads: find the new one.
            self._primary.lost()


def _ends_session(error: asyncpg.PostgresError) -> bool:
    return getattr(error, "severity_en", "ERROR") != "ERROR"


def create_pool(
    url: str, pool_size: int, timeout: float, clock: StoreClock
) -> Pool[PostgresConnection]:
    primary = Primary()

    async def connect() -> PostgresConnection:
        generation = primary.generation
        driver = await open_driver(url, timeout)
        try:
            # A new connection also reads the clock, so that it is known when the store is used.
            since = clock.start_reading()
            clock.set(await driver.fetchval(READ_CLOCK.postgres, timeout=timeout), since=since)
        except BaseException:
            driver.terminate()
            raise
        # Longer than the server's own timeout: for a server that does not respond.
        return PostgresConnection(driver, primary, generation, max_wait=timeout + 0.5)

    return Pool(connect, size=pool_size, timeout=timeout)


async def open_driver(url: str, timeout: float, *, command_timeout: float | None = None) -> Any:
    """A connection of asyncpg that the server limits to ``timeout`` seconds a statement.

    ``command_timeout`` is how long asyncpg itself waits for a statement.
    """
    return await asyncpg.connect(
        url,
        timeout=timeout,
        command_timeout=command_timeout,
        server_settings={
            "application_name": "cartwheel",
            "statement_timeout": str(int(timeout * 1000)),
            "lock_timeout": str(int(timeout * 1000)),
            "idle_in_transaction_session_timeout": "10000",
        },
    )


def _rows_changed(command_tag: str) -> int:
    """Of "INSERT 0 1" or "UPDATE 1"; other commands have no number."""
    count = command_tag.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0
