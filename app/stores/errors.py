"""What any store may raise. In a module of its own, so that one store does not load the others.

Unavailable (503)
└── StoreUnavailable    down, too slow, locked, damaged, out of connections
    ├── StoreFull       reads go on, writes do not
    ├── SchemaMismatch  the tables are not the ones this code needs
    │   └── MissingTable
    └── WriteConflict   lost against another transaction: worth doing again

IntegrityError          a constraint of the tables was broken: the repository knows what it means
"""

from typing import ClassVar

from app.errors import Unavailable
from app.telemetry.log_limit import LogLimit
from app.telemetry.logs import get_logger

DISK_FULL = "The disk of the store is full."
LACKS_TABLES = "The store lacks tables or columns this code needs: run cartwheel migrate."

LOG_SECONDS = 60.0
"""Between two log lines about the same error."""


class StoreUnavailable(Unavailable):
    """The store did not do its part in time; the same request may work in a moment."""

    type = "store-unavailable"
    title = "The store is not answering"

    store_outcome: ClassVar[str] = "error"
    """The label in ``store_operation_duration_seconds``."""


class StoreFull(StoreUnavailable):
    """The store has no room left: it refuses writes and still answers reads."""

    type = "store-full"
    title = "The store is full"
    store_outcome = "full"


class SchemaMismatch(StoreUnavailable):
    """The tables are not the ones this code was written for."""

    type = "schema-mismatch"
    title = "The store has another version"


class MissingTable(SchemaMismatch):
    """A table is not there: perhaps the store is empty."""


class WriteConflict(StoreUnavailable):
    """Another transaction won. `Database.run` has already tried again."""


class IntegrityError(Exception):
    """The data break a constraint of the tables. Nothing is wrong with the store."""


class StoreErrorLog:
    """Logs what is wrong with a store: once, and once a minute while it lasts.

    A write conflict is not logged: nothing is wrong with the store.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._limit = LogLimit(LOG_SECONDS)

    def add(self, error: StoreUnavailable, cause: BaseException | None = None) -> None:
        reason = error.detail
        if isinstance(error, WriteConflict) or not self._limit.allows(reason):
            return
        get_logger().warning(
            "store.trouble",
            store=self._store,
            kind=error.type,
            why=reason,
            cause=describe(cause),
        )


def describe(cause: BaseException | None) -> str | None:
    """The message of the server or the driver, without the statement and its parameters."""
    if cause is None:
        return None
    message = str(cause).partition("\n")[0]
    return f"{type(cause).__name__}: {message}" if message else type(cause).__name__
