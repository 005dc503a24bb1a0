"""A store that somebody else keeps busy: its locks or its connections are held."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)

import asyncpg

from cartwheel.errors import CommandError
from cartwheel.local.faults.effects import Held
from cartwheel.local.faults.refusals import STORE_ERRORS, describe_refusal

# Seconds. Others may hold the lock for a moment.
LOCK_TIMEOUT = 5.0
CONNECT_TIMEOUT = 5.0
MAX_CONNECTIONS = 500
TABLES = """
    SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


def store_held(url: str, *, what: Held) -> AbstractAsyncContextManager[None]:
    """Hold the write lock of a SQLite file, or all tables or connections of a Postgres.

    Raises `CommandError`.
    """
    scheme, _, path = url.partition("://")
    match scheme, what:
        case "sqlite", "lock":
            return _sqlite_locked(path.removeprefix("/"))
        case "postgresql", "lock":
            return _tables_locked(url)
        case "postgresql", "connections":
            return _connections_taken(url)
    raise CommandError(f"A store at {scheme}: has no {what} that can be held.")


@asynccontextmanager
async def _sqlite_locked(path: str) -> AsyncIterator[None]:
    with _refusals_reported():
        connection = sqlite3.connect(
            path, timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False
        )
    try:
        with _refusals_reported():
            await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
        yield
    finally:
        connection.close()


@asynccontextmanager
async def _tables_locked(url: str) -> AsyncIterator[None]:
    with _refusals_reported():
        connection = await _connect(url)
    try:
        with _refusals_reported():
            tables = ", ".join(row[0] for row in await connection.fetch(TABLES))
            await connection.execute("BEGIN")
            await connection.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        # Ends the transaction, without waiting for a Postgres that may be stopped.
        connection.terminate()


@asynccontextmanager
async def _connections_taken(url: str) -> AsyncIterator[None]:
    async with AsyncExitStack() as taken:
        with _refusals_reported(), suppress(asyncpg.TooManyConnectionsError):
            for _ in range(MAX_CONNECTIONS):
                taken.callback((await _connect(url)).terminate)
        yield


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT, command_timeout=LOCK_TIMEOUT)


@contextmanager
def _refusals_reported() -> Iterator[None]:
    """Raises a `CommandError` for whatever the store refuses."""
    try:
        yield
    except (*STORE_ERRORS, sqlite3.Error) as error:
        raise CommandError(f"The store cannot be held ({describe_refusal(error)}).") from error
