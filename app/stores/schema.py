"""Which version a service's tables have, and whether its code can work with them.

Versions read ``major.minor``, in file names too: ``v1_0_accounts.py`` contains
``revision = "1.0"``. A minor version only adds (a table, a nullable column, an index), so code of
the version before keeps running on it and a rolling update loses nothing. A major version removes
what the last release stopped using; older code refuses to run on it. Each service counts in a
table of its own (``user_schema``), so services may share a database without sharing tables.
"""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from app.stores.database import Database
from app.stores.errors import MissingTable, SchemaMismatch
from app.stores.statements import Statement

VERSION_FILE = re.compile(r"v(\d+)_(\d+)_\w+\.py")


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


class SchemaCheck:
    """A readiness check: can this code work with the tables of the store?

    The version the code needs is read from its files once, when the check is made.
    """

    def __init__(self, database: Database, package: str) -> None:
        self._database = database
        self._package = package
        self._needed = newest_version(package)

    async def __call__(self) -> None:
        """Raises `SchemaMismatch`, and `StoreUnavailable` if the store does not respond."""
        needed, stored = self._needed, await stored_version(self._database, self._package)
        if stored < needed:
            raise SchemaMismatch(
                f"The schema ({stored}) is older than the code ({needed}): run cartwheel migrate."
            )
        if stored.major > needed.major:
            raise SchemaMismatch(
                f"The schema ({stored}) is newer than the code ({needed}): run the newer code."
            )


def newest_version(package: str) -> Version:
    """The version the code of ``package`` ("services.user") was written for."""
    files = (migrations_folder(package) / "versions").iterdir()
    found = [VERSION_FILE.fullmatch(file.name) for file in files]
    return max((Version(int(match[1]), int(match[2])) for match in found if match), default=EMPTY)


async def stored_version(database: Database, package: str) -> Version:
    """The version of the tables in the store. Raises `StoreUnavailable`."""
    # The name comes from our own package list, never from a request.
    statement = Statement(f"SELECT version_num FROM {version_table(package)}")
    try:
        async with database.reading("schema_version") as connection:
            return version_of(await connection.scalar(statement))
    except MissingTable:
        return EMPTY


def version_of(revision: str | None) -> Version:
    return EMPTY if revision is None else Version.parse(revision)


def service_name(package: str) -> str:
    return package.rpartition(".")[2]


def version_table(package: str) -> str:
    return f"{service_name(package)}_schema"


def migrations_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"there is no package {package!r}")
    return Path(spec.submodule_search_locations[0]) / "migrations"
