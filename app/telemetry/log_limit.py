"""Log a repeated failure now and then instead of every time."""

import time
from collections.abc import Callable


class LogLimit:
    """Allows one log line per key within `seconds`.

    One cause can fail every request; a line for each would bury the rest of the log. Keys come
    from the code, never from a request, so their number is bounded.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._logged_at: dict[str, float] = {}

    def allows(self, key: str = "") -> bool:
        """Whether to log now; counts as logged if so."""
        now = self._clock()
        if now - self._logged_at.get(key, float("-inf")) < self._seconds:
            return False
        self._logged_at[key] = now
        return True
