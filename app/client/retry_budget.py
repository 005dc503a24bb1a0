"""How many retries are allowed, and how long to wait before one.

Retries help while few requests fail and do harm when all do. A budget tells the two cases apart;
a limit per request cannot.
"""

import random
from collections.abc import Callable

from app.client.windowed_counts import WINDOW_SECONDS, WindowedCounts

RETRY_SHARE = 0.1
MIN_RETRIES_PER_SECOND = 3.0
"""Quiet times have retries too."""
MIN_BACKOFF = 0.025
MAX_BACKOFF = 0.25


class RetryBudget:
    """Allows retries for a tenth of the recent requests, or three a second if that is more.

    Not both: under load an upstream gets at most 1.1 times the requests, as it does behind several
    callers in a row, because only the one next to it retries.
    """

    _REQUEST, _RETRY = 0, 1

    def __init__(self, clock: Callable[[], float]) -> None:
        self._recent = WindowedCounts(clock)

    def count_request(self) -> None:
        self._recent.add(self._REQUEST)

    def spend(self) -> bool:
        """Take one retry from the budget; False if there is none left."""
        requests, retries = self._recent.totals()
        if retries + 1 > max(RETRY_SHARE * requests, MIN_RETRIES_PER_SECOND * WINDOW_SECONDS):
            return False
        self._recent.add(self._RETRY)
        return True


def jittered_backoff(rng: random.Random) -> float:
    """Seconds to wait before a retry: random, so that clients do not retry at the same moment."""
    return rng.uniform(MIN_BACKOFF, MAX_BACKOFF)
