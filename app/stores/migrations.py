"""Bring a service's tables to the version its code needs: ``python -m app.stores.migrations``.

Migrations are alembic's, in ``services/<name>/migrations/versions/``; `schema` says what their
versions mean.

``python -m app.stores.migrations services.user`` migrates the store named by
``CARTWHEEL_STORE_URL``. Everything happens in one transaction behind one lock: racing runs
wait for the first and then find nothing to do, and a run that dies half-way leaves nothing
behind.

``env.py`` of a service is two lines: import `run_environment` and call it.

Only here SQLAlchemy is used, because alembic needs it. No service imports this module.
"""

import argparse
import asyncio
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import asyncpg
from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.settings import ServiceSettings, SettingsError, StoreUrl, load
from app.stores import postgres, sqlite
from app.stores.errors import StoreErrorLog, StoreUnavailable, describe
from app.stores.schema import (
    Version,
    migrations_folder,
    newest_version,
    service_name,
    version_of,
    version_table,
)

# A migration may rewrite a table, and a racing run waits for all of it.
MIGRATION_TIMEOUT = 60.0
RETRY_PAUSE = 0.5
# An arbitrary number that nothing else locks in this database.
ADVISORY_LOCK = text("SELECT pg_advisory_xact_lock(227894335)")


class MigrationSettings(ServiceSettings):
    """What the command needs from the environment: ``CARTWHEEL_STORE_URL``."""

    store_url: StoreUrl


async def migrate(package: str, url: str) -> tuple[Version, Version]:
    """Upgrade the store at ``url`` to the newest version of ``package``.

    Returns the versions before and after. A store that is newer already stays as it is.
    Raises `StoreUnavailable`.
    """
    with _translated_errors():
        if url.startswith(sqlite.SCHEME):
            return _migrate_file(package, sqlite.file_of(url))
        return await _migrate_postgres(package, url)


async def migrate_when_up(package: str, url: str, *, timeout: float) -> tuple[Version, Version]:
    """As `migrate`, for a store that may still be starting: tries again for ``timeout`` seconds.

    Raises `StoreUnavailable` when it is not up by then.
    """
    log = StoreErrorLog("sqlite" if url.startswith(sqlite.SCHEME) else "postgres")
    deadline = time.monotonic() + timeout
    while True:
        try:
            return await migrate(package, url)
        except StoreUnavailable as error:
            log.add(error, error.__cause__)
            if time.monotonic() + RETRY_PAUSE > deadline:
                raise
        await asyncio.sleep(RETRY_PAUSE)


def run_environment() -> None:
    """The whole of a service's ``env.py``: run the migrations on `migrate`'s connection."""
    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        version_table=attributes["version_table"],
        transactional_ddl=True,
    )
    context.run_migrations()


def _upgrade(connection: Connection, package: str) -> tuple[Version, Version]:
    table = version_table(package)
    stored = MigrationContext.configure(connection, opts={"version_table": table})
    before = version_of(stored.get_current_revision())
    newest = newest_version(package)
    if before >= newest:
        return before, before
    config = Config()
    config.set_main_option("script_location", str(migrations_folder(package)))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = table
    command.upgrade(config, "head")
    return before, newest


def _migrate_file(package: str, file: Path) -> tuple[Version, Version]:
    """Blocks the event loop, on which a migration is alone."""
    _create_file(file)
    engine = create_engine("sqlite://", creator=partial(_open_file, file), poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def take_write_lock(connection: Connection) -> None:
        ends_at = time.monotonic() + MIGRATION_TIMEOUT
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return
            except DBAPIError as error:
                if not _is_busy(error.orig) or time.monotonic() >= ends_at:
                    raise

    with engine.begin() as connection:
        return _upgrade(connection, package)


def _create_file(file: Path) -> None:
    """An empty file is an empty SQLite database; only here one is made."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        raise StoreUnavailable(f"{file} cannot be made: {error.strerror}.") from error


def _open_file(file: Path) -> sqlite3.Connection:
    driver = sqlite.open_driver(file)
    try:
        sqlite.prepare(
            driver, timeout=MIGRATION_TIMEOUT, busy_milliseconds=sqlite.BUSY_MILLISECONDS
        )
    except BaseException:
        driver.close()
        raise
    return driver


def _is_busy(error: BaseException | None) -> bool:
    return isinstance(error, sqlite3.Error) and sqlite.primary_code(error) == sqlite3.SQLITE_BUSY


async def _migrate_postgres(package: str, url: str) -> tuple[Version, Version]:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=partial(
            postgres.open_driver,
            url,
            MIGRATION_TIMEOUT,
            # Longer than the server's own timeout: for a server that does not respond.
            command_timeout=MIGRATION_TIMEOUT + 0.5,
        ),
        poolclass=NullPool,
    )
    async with engine.begin() as connection:
        await connection.execute(ADVISORY_LOCK)
        return await connection.run_sync(_upgrade, package)


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raises `StoreUnavailable` for what is wrong with the store, not with a migration."""
    try:
        yield
    except (TimeoutError, OSError) as error:
        raise StoreUnavailable("The store did not answer in time.") from error
    except (DBAPIError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
        cause = _drivers_error(error)
        if getattr(error, "connection_invalidated", False):
            raise StoreUnavailable("The connection to the store broke.") from cause
        translated = sqlite.store_error(cause) or postgres.store_error(cause)
        if not isinstance(translated, StoreUnavailable):
            raise
        raise translated from cause


def _drivers_error(error: BaseException) -> BaseException:
    """What the driver raised, out of what SQLAlchemy made of it."""
    if not isinstance(error, DBAPIError):
        return error
    wrapped = error.orig or error
    return wrapped.__cause__ or wrapped


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 migrated or nothing to do, 1 the store failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m app.stores.migrations")
    parser.add_argument("package", help='whose tables, such as "services.user"')
    parser.add_argument("--url", help="the store (default: CARTWHEEL_STORE_URL)")
    parser.add_argument(
        "--wait",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long to wait for a store that is still starting (default: not at all)",
    )
    options = parser.parse_args(arguments)
    try:
        newest_version(options.package)
        url = options.url or load(MigrationSettings).store_url
        before, after = asyncio.run(migrate_when_up(options.package, url, timeout=options.wait))
    except ModuleNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    except SettingsError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 2
    except StoreUnavailable as error:
        why = describe(error.__cause__)
        print(f"{options.package}: {error.detail}{f' ({why})' if why else ''}", file=sys.stderr)
        return 1
    change = f"at {after}, nothing to do" if before == after else f"{before} → {after}"
    print(f"{service_name(options.package)}: schema {change}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
