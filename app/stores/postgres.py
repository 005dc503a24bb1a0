"""Postgres: the engine, its clock, and what its errors mean."""

from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.stores.clock import StoreClock
from app.stores.errors import (
    DISK_FULL,
    LACKS_TABLES,
    MissingTable,
    SchemaMismatch,
    StoreFull,
    StoreUnavailable,
    WriteConflict,
)

READ_CLOCK = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"

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


def store_error(error: BaseException | None) -> StoreUnavailable | None:
    """What is wrong with the store; None if the statement is wrong."""
    state = _sqlstate(error)
    if state in CONFLICTS:
        return WriteConflict("Somebody else changed the same thing at the same time.")
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
    return None


def _sqlstate(error: BaseException | None) -> str:
    """The SQLSTATE of an error; empty for one that did not come from the server."""
    return getattr(error, "sqlstate", None) or ""


def create_engine(url: str, pool_size: int, timeout: float, clock: StoreClock) -> AsyncEngine:
    async def connect() -> Any:
        connection = await asyncpg.connect(
            url,
            timeout=timeout,
            # Longer than the server's own timeout: for a server that does not respond.
            command_timeout=timeout + 0.5,
            server_settings={
                "application_name": "cartwheel",
                "statement_timeout": str(int(timeout * 1000)),
                "lock_timeout": str(int(timeout * 1000)),
                "idle_in_transaction_session_timeout": "10000",
            },
        )
        # A new connection also reads the clock, so that it is known when the store is used.
        since = clock.start_reading()
        clock.set(await connection.fetchval(READ_CLOCK), since=since)
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
    def discard_closed(connection: Any, _record: ConnectionPoolEntry, _proxy: Any) -> None:
        # asyncpg notices when the server goes away; asking it is free, a ping is a round trip.
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError

    @event.listens_for(engine.sync_engine, "handle_error")
    def disconnect_from_standby(context: ExceptionContext) -> None:
        # After a failover the old primary still answers, but only reads: find the new one.
        if _sqlstate(context.original_exception) == READ_ONLY_TRANSACTION:
            context.is_disconnect = True

    return engine
