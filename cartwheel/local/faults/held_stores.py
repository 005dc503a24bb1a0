"""A store that somebody else keeps busy: its locks or its connections are held."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import asyncpg

from cartwheel.errors import CommandError
from cartwheel.local.faults.effects import Held

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
    connection = sqlite3.connect(
        path, timeout=LOCK_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    try:
        await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
        yield
    except sqlite3.OperationalError as error:
        raise CommandError(f"The store cannot be locked ({error}).") from error
    finally:
        connection.close()


@asynccontextmanager
async def _tables_locked(url: str) -> AsyncIterator[None]:
    connection = await _connect(url)
    try:
        tables = [row[0] for row in await connection.fetch(TABLES)]
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT:g}s'")
            await connection.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        connection.terminate()


@asynccontextmanager
async def _connections_taken(url: str) -> AsyncIterator[None]:
    async with AsyncExitStack() as taken:
        try:
            for _ in range(MAX_CONNECTIONS):
                taken.callback((await _connect(url)).terminate)
        except asyncpg.TooManyConnectionsError:
            pass
        yield


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT)
