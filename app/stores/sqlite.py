"""SQLite: connections for reading and for writing, and what its errors mean.

Each connection has a thread of its own, so that neither a disk that hangs nor a long query stops
the event loop.

A file that was deleted, moved or replaced is noticed before the next statement. Otherwise an open
connection would go on using a file that has no name any more.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.stores.errors import (
    DISK_FULL,
    LACKS_TABLES,
    IntegrityError,
    MissingTable,
    SchemaMismatch,
    StoreFull,
    StoreUnavailable,
)
from app.stores.pool import Pool
from app.stores.statements import NO_VALUES, Row, Statement, Values
from app.stores.worker_thread import WorkerThread

# SQLite looks for a free lock after 1, 2, 5, 10 and more milliseconds, in the end every 100. The
# writers of another process take turns without such a pause, so we would hardly ever see it
# free: we start that series anew instead, again and again.
BUSY_MILLISECONDS = 10

# What SQLite's primary result codes mean. SQLITE_ERROR (wrong SQL) is not among them.
MESSAGES = {
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
MISSING_TABLE = "no such table"
MISSING_COLUMN = ("no such column", "has no column named")
NO_FILE = "The store's file is not there: bring it back, or run cartwheel migrate."

SCHEME = "sqlite:///"
THREAD_NAME = "sqlite"
FileIdentity = tuple[int, int]


def store_error(error: BaseException) -> StoreUnavailable | IntegrityError | None:
    """What is wrong with the store or the data; None if the statement is wrong."""
    if not isinstance(error, sqlite3.Error):
        return None
    code = primary_code(error)
    if code == sqlite3.SQLITE_CONSTRAINT:
        return IntegrityError(str(error))
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(DISK_FULL)
    if code == sqlite3.SQLITE_ERROR:
        return _schema_error(str(error))
    message = MESSAGES.get(code)
    return StoreUnavailable(message) if message else None


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's kind of the error, without its details."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF


def _schema_error(message: str) -> StoreUnavailable | None:
    if MISSING_TABLE in message:
        return MissingTable(LACKS_TABLES)
    if any(words in message for words in MISSING_COLUMN):
        return SchemaMismatch(LACKS_TABLES)
    return None


class SqliteConnection:
    """A connection to a file, which is used until a statement is cancelled or the file is lost.

    Open it with `open`, and close it even if that failed.
    """

    _driver: sqlite3.Connection

    def __init__(self, file: Path, timeout: float) -> None:
        self._file = file
        self._timeout = timeout
        self._identity = _identify(file)
        self._thread = WorkerThread(THREAD_NAME)
        self._is_open = False
        self._is_broken = False

    async def open(self, *, busy_milliseconds: int) -> None:
        await self._call(self._open, busy_milliseconds)

    async def execute(self, statement: Statement, values: Values = NO_VALUES) -> int:
        changed: int = await self._run(
            _execute, self._driver, statement.sqlite, statement.parameters(values)
        )
        return changed

    async def rows(self, statement: Statement, values: Values = NO_VALUES) -> Sequence[Row]:
        rows: list[Row] = await self._run(
            _fetch, self._driver, statement.sqlite, statement.parameters(values)
        )
        return rows

    async def first(self, statement: Statement, values: Values = NO_VALUES) -> Row | None:
        rows = await self.rows(statement, values)
        return rows[0] if rows else None

    async def scalar(self, statement: Statement, values: Values = NO_VALUES) -> Any:
        rows: list[sqlite3.Row] = await self._run(
            _fetch, self._driver, statement.sqlite, statement.parameters(values)
        )
        return rows[0][0] if rows else None

    async def execute_each(self, statement: Statement, values: Sequence[Values]) -> None:
        await self.rows_of_each(statement, values)

    async def rows_of_each(self, statement: Statement, values: Sequence[Values]) -> Sequence[Row]:
        parameters = [statement.parameters(each) for each in values]
        rows: list[Row] = await self._call(_fetch_each, self._driver, statement.sqlite, parameters)
        return rows

    async def begin(self) -> None:
        """Take the write lock at once, so that a reader never has to become a writer."""
        await self._run(_execute, self._driver, "BEGIN IMMEDIATE", NO_VALUES)

    async def commit(self) -> None:
        await self._run(_execute, self._driver, "COMMIT", NO_VALUES)

    async def rollback(self) -> None:
        # SQLite itself rolls back after some errors.
        if not self.is_idle() and not self._is_broken:
            with suppress(sqlite3.Error):
                await self._run(_execute, self._driver, "ROLLBACK", NO_VALUES)

    def is_current(self) -> bool:
        return _identify(self._file) == self._identity

    def is_idle(self) -> bool:
        return not self._is_broken and not self._driver.in_transaction

    async def close(self) -> None:
        closed = self._thread.call(self._close)
        self._thread.stop()
        if self._is_broken and self._is_open:
            # Nobody waits any more for what it does. The thread may have closed it by now.
            with suppress(sqlite3.Error):
                self._driver.interrupt()
        with suppress(sqlite3.Error):
            await closed

    async def _run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run one statement, as soon as the lock that it needs is free."""
        ends_at = time.monotonic() + self._timeout
        while True:
            try:
                return await self._call(function, *arguments)
            except sqlite3.Error as error:
                is_waiting = primary_code(error) == sqlite3.SQLITE_BUSY and self.is_idle()
                if not is_waiting or time.monotonic() >= ends_at:
                    raise

    async def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return await self._thread.call(function, *arguments)
        except sqlite3.Error:
            raise
        except BaseException:
            # The thread may still be at it.
            self._is_broken = True
            raise

    def _open(self, busy_milliseconds: int) -> None:
        self._driver = open_driver(self._file)
        self._is_open = True
        self._driver.row_factory = sqlite3.Row
        prepare(self._driver, timeout=self._timeout, busy_milliseconds=busy_milliseconds)

    def _close(self) -> None:
        if self._is_open:
            self._driver.close()


def open_driver(file: Path) -> sqlite3.Connection:
    """A connection that any thread may use.

    Opens an existing file and creates none: an empty store would look like lost data.
    """
    # The driver must not begin transactions by itself: it would begin deferred ones.
    return sqlite3.connect(
        f"file:{quote(str(file))}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )


def prepare(driver: sqlite3.Connection, *, timeout: float, busy_milliseconds: int) -> None:
    """Set up a new connection, for ``timeout`` seconds at most; then it waits for a lock as long
    as ``busy_milliseconds`` say."""
    driver.execute(f"PRAGMA busy_timeout = {int(timeout * 1000)}")
    driver.execute("PRAGMA journal_mode = WAL")
    # In WAL mode NORMAL survives the death of the process; a power cut may cost the last
    # transactions, never the file.
    driver.execute("PRAGMA synchronous = NORMAL")
    driver.execute("PRAGMA foreign_keys = ON")
    driver.execute(f"PRAGMA busy_timeout = {busy_milliseconds}")


# These end their cursor in the thread: an unfinished one would hold a lock.


def _execute(driver: sqlite3.Connection, sql: str, parameters: Values) -> int:
    return max(driver.execute(sql, parameters).rowcount, 0)


def _fetch(driver: sqlite3.Connection, sql: str, parameters: Values) -> list[sqlite3.Row]:
    return driver.execute(sql, parameters).fetchall()


def _fetch_each(
    driver: sqlite3.Connection, sql: str, parameters: Sequence[Values]
) -> list[sqlite3.Row]:
    return [row for each in parameters for row in _fetch(driver, sql, each)]


def create_reader(url: str, pool_size: int, timeout: float) -> Pool[SqliteConnection]:
    file = file_of(url)
    busy_milliseconds = int(timeout * 1000)

    async def connect() -> SqliteConnection:
        return await _connect(file, timeout, busy_milliseconds=busy_milliseconds)

    return Pool(connect, size=pool_size, timeout=timeout)


def create_writer(url: str, timeout: float) -> Pool[SqliteConnection]:
    """One connection: SQLite has one writer at a time, and others wait for it in the pool."""
    file = file_of(url)

    async def connect() -> SqliteConnection:
        return await _connect(file, timeout, busy_milliseconds=BUSY_MILLISECONDS)

    return Pool(connect, size=1, timeout=timeout)


def file_of(url: str) -> Path:
    """The file of ``sqlite:///relative.db`` or ``sqlite:////absolute.db``."""
    return Path(url.removeprefix(SCHEME).partition("?")[0]).absolute()


async def _connect(file: Path, timeout: float, *, busy_milliseconds: int) -> SqliteConnection:
    if _identify(file) is None:
        raise StoreUnavailable(NO_FILE)
    connection = SqliteConnection(file, timeout)
    try:
        await connection.open(busy_milliseconds=busy_milliseconds)
    except BaseException:
        await connection.close()
        raise
    return connection


def _identify(file: Path) -> FileIdentity | None:
    """Identifies the file at this path; None if there is none."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino
