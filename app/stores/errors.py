"""What any store may raise. Apart from the stores, so that using one does not load the others.

Unavailable (503)
└── StoreUnavailable    down, too slow, locked, damaged, out of connections
    ├── StoreFull       reads go on, writes do not
    ├── SchemaMismatch  the tables are not the ones this code needs
    └── WriteConflict   lost against another transaction: worth doing again
"""

import time
from typing import ClassVar

from app.errors import Unavailable
from app.telemetry.logs import get_logger

SAID_AGAIN_AFTER = 60.0


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


class WriteConflict(StoreUnavailable):
    """Another transaction won. `Database.run` has already tried again."""


class StoreErrorLog:
    """Has the log say what a store's trouble is: once, and once a minute while it lasts.

    Every request meets the same trouble, so a line for each would bury the rest of the log. A
    lost race is no trouble.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._said_at: dict[str, float] = {}

    def tell(self, trouble: StoreUnavailable, cause: BaseException | None = None) -> None:
        if isinstance(trouble, WriteConflict):
            return
        now, why = time.monotonic(), trouble.detail
        if now < self._said_at.get(why, float("-inf")) + SAID_AGAIN_AFTER:
            return
        self._said_at[why] = now
        get_logger().warning(
            "store.trouble", store=self._store, kind=trouble.type, why=why, cause=_words_of(cause)
        )


def _words_of(cause: BaseException | None) -> str | None:
    """What the server or the driver said; without the statement and its parameters."""
    if cause is None:
        return None
    words = str(cause).partition("\n")[0]
    return f"{type(cause).__name__}: {words}" if words else type(cause).__name__
