"""What time it is, by the clock of the store that all replicas share.

Leases, due times and everything else that one replica writes and another one compares with
"now" go by this clock, so a replica whose own clock is wrong decides nothing about the others.

Postgres' clock is read over each new connection and every few seconds. In between, our monotonic
clock carries its time on, so that reading a `StoreClock` needs no round trip. SQLite runs inside
our process, on the one machine whose processes share the file: its clock is the machine's.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from app.stores.errors import StoreUnavailable

Clock = Callable[[], int]
"""Epoch milliseconds."""

CLOCK_MARGIN = 10_000
"""Milliseconds. A "now" is a little old when it reaches the store, and those of two replicas differ
by a round trip. A time that is farther ahead than possible, by more than this, was written by a
wrong clock."""
MAX_ROUND_TRIP = 0.5
"""Seconds. In a longer round trip it is not known well enough when the store read its clock."""


def machine_clock() -> int:
    """Epoch milliseconds of this machine."""
    return time.time_ns() // 1_000_000


def moment(milliseconds: int) -> datetime:
    """The UTC time of an epoch time in milliseconds."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def moment_in_json(milliseconds: int) -> str:
    """`moment` as pydantic writes it in JSON, in a third of the time."""
    seconds, milliseconds = divmod(milliseconds, 1000)
    fraction = f".{milliseconds:03}000" if milliseconds else ""
    return f"{_second_in_json(seconds)}{fraction}Z"


@lru_cache(maxsize=16)
def _second_in_json(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def in_milliseconds(moment: datetime) -> int:
    """The epoch time in milliseconds of a point in time."""
    return round(moment.timestamp() * 1000)


class StoreClock:
    """Epoch milliseconds by a server's clock, as last read."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._ahead: float | None = None

    def __call__(self) -> int:
        """Raises `StoreUnavailable` until the server's clock was read once."""
        if self._ahead is None:
            raise StoreUnavailable("The store's clock has not been read yet.")
        return round(self._monotonic() * 1000 + self._ahead)

    def start_reading(self) -> float:
        """The moment a reading begins; give it to `set`."""
        return self._monotonic()

    def set(self, milliseconds: int, *, since: float) -> None:
        """Set to what the server's clock showed, some time between ``since`` and now."""
        until = self._monotonic()
        if self._ahead is None or until - since <= MAX_ROUND_TRIP:
            self._ahead = milliseconds - (since + until) / 2 * 1000
