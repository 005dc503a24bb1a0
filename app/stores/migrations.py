"""Bring a service's tables to the version its code needs, and notice when they are not.

Migrations are alembic's, in ``services/<name>/migrations/versions/``. Versions read
``major.minor``, and file names say them too: ``v1_0_accounts.py`` holds ``revision = "1.0"``.
A minor version only adds (a table, a nullable column, an index), so code of the version
before keeps running on it and a rolling update loses nothing. A major version takes away
what the last release stopped using; older code refuses to run on it.

``python -m app.stores.migrations services.user`` migrates the store named by
``CARTWHEEL_STORE_URL``. Everything happens in one transaction behind one lock: racing runs
wait for the first and then find nothing to do, and a run that dies half-way leaves nothing
behind. Each service counts in a table of its own (``user_schema``), so services may share a
database without sharing tables.

``env.py`` of a service is two lines: import `run_environment` and call it.
"""

import argparse
import asyncio
import importlib.util
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from app.settings import ServiceSettings, SettingsError, StoreUrl, load
from app.stores.errors import SchemaMismatch as SchemaMismatch  # also for those who migrate
from app.stores.sql import Database, StoreUnavailable
from app.telemetry.metrics import Metrics

VERSION_FILE = re.compile(r"v(\d+)_(\d+)_\w+\.py")
# A migration may rewrite a table, and a racing run waits for all of it.
MIGRATION_TIMEOUT = 60.0
RETRY_PAUSE = 0.5
# Any number that nobody else locks in this database: "cartwheel" on a phone's keys.
ADVISORY_LOCK = text("SELECT pg_advisory_xact_lock(227894335)")


@dataclass(frozen=True, order=True)
class Version:
    """A version of a service's tables; ``0.0`` is an empty store."""

    major: int
    minor: int

    @classmethod
    def parse(cls, revision: str) -> "Version":
        major, minor = revision.split(".")
        return cls(int(major), int(minor))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


EMPTY = Version(0, 0)


class MigrationSettings(ServiceSettings):
    """What the command needs from the environment: ``CARTWHEEL_STORE_URL``."""

    store_url: StoreUrl


def newest_version(package: str) -> Version:
    """The version the code of ``package`` ("services.user") was written for."""
    files = (_migrations_folder(package) / "versions").iterdir()
    found = [VERSION_FILE.fullmatch(file.name) for file in files]
    return max((Version(int(match[1]), int(match[2])) for match in found if match), default=EMPTY)


async def stored_version(database: Database, package: str) -> Version:
    """The version of the tables in the store. Raises `StoreUnavailable`."""
    try:
        async with database.reading("schema_version") as connection:
            return await _read_version(connection, package)
    except SchemaMismatch:
        # The table that would tell is not there.
        return EMPTY


async def check_schema(database: Database, package: str) -> None:
    """Raise `SchemaMismatch` unless this code can work with the tables; a readiness check."""
    needed = newest_version(package)
    stored = await stored_version(database, package)
    if stored < needed:
        raise SchemaMismatch(
            f"The schema ({stored}) is older than the code ({needed}): run cartwheel migrate."
        )
    if stored.major > needed.major:
        raise SchemaMismatch(
            f"The schema ({stored}) is newer than the code ({needed}): run the newer code."
        )


async def migrate(package: str, url: str) -> tuple[Version, Version]:
    """Upgrade the store at ``url`` to the newest version of ``package``.

    Returns the versions before and after. A store that is newer already stays as it is.
    Raises `StoreUnavailable`.
    """
    _make_room(url)
    metrics = Metrics(_service_name(package))
    async with (
        Database(url, metrics=metrics, timeout=MIGRATION_TIMEOUT) as database,
        database.transaction("migrate") as connection,
    ):
        if database.store == "postgres":
            await connection.execute(ADVISORY_LOCK)
        return await connection.run_sync(_upgrade, package)


async def migrate_when_up(package: str, url: str, *, timeout: float) -> tuple[Version, Version]:
    """As `migrate`, for a store that may still be starting: tries again for ``timeout`` seconds.

    Raises `StoreUnavailable` when it is not up by then.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            return await migrate(package, url)
        except StoreUnavailable:
            if time.monotonic() + RETRY_PAUSE > deadline:
                raise
        await asyncio.sleep(RETRY_PAUSE)


def run_environment() -> None:
    """The whole of a service's ``env.py``: run the migrations on `migrate`'s connection."""
    from alembic import context

    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        version_table=attributes["version_table"],
        transactional_ddl=True,
    )
    context.run_migrations()


def _upgrade(connection: Connection, package: str) -> tuple[Version, Version]:
    # Imported here: a running service asks for versions and never needs alembic's weight.
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext

    table = _version_table(package)
    stored = MigrationContext.configure(connection, opts={"version_table": table})
    before = _version_of(stored.get_current_revision())
    newest = newest_version(package)
    if before >= newest:
        return before, before
    config = Config()
    config.set_main_option("script_location", str(_migrations_folder(package)))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = table
    command.upgrade(config, "head")
    return before, newest


async def _read_version(connection: AsyncConnection, package: str) -> Version:
    # The name comes from our own package list, never from a request.
    statement = text(f"SELECT version_num FROM {_version_table(package)}")
    return _version_of((await connection.execute(statement)).scalar_one_or_none())


def _version_of(revision: str | None) -> Version:
    return EMPTY if revision is None else Version.parse(revision)


def _service_name(package: str) -> str:
    return package.rpartition(".")[2]


def _version_table(package: str) -> str:
    return f"{_service_name(package)}_schema"


def _migrations_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"there is no package {package!r}")
    return Path(spec.submodule_search_locations[0]) / "migrations"


def _make_room(url: str) -> None:
    """An empty file is an empty SQLite database; only here one is made."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return
    file = Path(parsed.database)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    except OSError as error:
        raise StoreUnavailable(f"{file} cannot be made: {error.strerror}.") from error


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
        print(f"{options.package}: {error.detail}", file=sys.stderr)
        return 1
    change = f"at {after}, nothing to do" if before == after else f"{before} → {after}"
    print(f"{_service_name(options.package)}: schema {change}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
