"""SQLite: engines for reading and for writing, and what its errors mean.

A file that was deleted, moved or replaced is noticed before the next statement. Otherwise an open
connection would go on using a file that has no name any more.
"""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.stores.errors import (
    DISK_FULL,
    LACKS_TABLES,
    MissingTable,
    SchemaMismatch,
    StoreFull,
    StoreUnavailable,
)

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

_FILE_IDENTITY = "file"


def store_error(error: sqlite3.Error) -> StoreUnavailable | None:
    """What is wrong with the store; None if the statement is wrong."""
    primary_code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if primary_code == sqlite3.SQLITE_FULL:
        return StoreFull(DISK_FULL)
    if primary_code == sqlite3.SQLITE_ERROR:
        return _schema_error(str(error))
    message = MESSAGES.get(primary_code)
    return StoreUnavailable(message) if message else None


def _schema_error(message: str) -> StoreUnavailable | None:
    if MISSING_TABLE in message:
        return MissingTable(LACKS_TABLES)
    if any(words in message for words in MISSING_COLUMN):
        return SchemaMismatch(LACKS_TABLES)
    return None


def create_reader(url: str, pool_size: int, timeout: float) -> AsyncEngine:
    file = Path(make_url(url).database or "").absolute()
    engine = create_async_engine(
        _existing_file(file),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=timeout,
    )

    @event.listens_for(engine.sync_engine, "do_connect")
    def refuse_no_file(*_: Any) -> None:
        if _identify(file) is None:
            raise StoreUnavailable(NO_FILE)

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_FILE_IDENTITY] = _identify(file)
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
        if _identify(file) != record.info[_FILE_IDENTITY]:
            raise InvalidatePoolError

    return engine


def create_writer(url: str, timeout: float) -> AsyncEngine:
    """One connection: SQLite has one writer at a time, and others wait for it in the pool."""
    engine = create_reader(url, 1, timeout)

    @event.listens_for(engine.sync_engine, "connect")
    def retry_often(connection: Any, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def take_write_lock(connection: Connection) -> None:
        ends_at = time.monotonic() + timeout
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return
            except DBAPIError as error:
                if not _is_busy(error.orig) or time.monotonic() >= ends_at:
                    raise

    return engine


def _existing_file(file: Path) -> URL:
    """Opens an existing file and creates none: an empty store would look like lost data."""
    query = {"mode": "rw", "uri": "true"}
    return URL.create("sqlite+aiosqlite", database=f"file:{quote(str(file))}", query=query)


def _identify(file: Path) -> tuple[int, int] | None:
    """Identifies the file at this path; None if there is none."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_busy(error: BaseException | None) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
