"""Quantiles of all durations in constant memory, as in an HDR histogram."""

import math
from array import array

SHORTEST, LONGEST = 1e-5, 100.0
MAX_ERROR = 0.01
"""Each bucket is wider than the one before it by this share: the error of a quantile."""

_LOG_OF_WIDTH = math.log1p(MAX_ERROR)
_BUCKETS = math.ceil(math.log(LONGEST / SHORTEST) / _LOG_OF_WIDTH) + 1


class Histogram:
    """Counts durations in buckets of logarithmic width: 13 kB, however many they are."""

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0
        self._buckets = array("Q", bytes(8 * _BUCKETS))

    def record(self, seconds: float, *, times: int = 1) -> None:
        self.count += times
        self.longest = max(self.longest, seconds)
        if seconds <= SHORTEST:
            index = 0
        else:
            index = min(math.ceil(math.log(seconds / SHORTEST) / _LOG_OF_WIDTH), _BUCKETS - 1)
        self._buckets[index] += times

    def add(self, other: "Histogram") -> None:
        """Count all that the other one has counted."""
        self.count += other.count
        self.longest = max(self.longest, other.longest)
        for index, number in enumerate(other._buckets):
            if number:
                self._buckets[index] += number

    def quantile(self, q: float) -> float | None:
        """The duration that a share `q` did not exceed, at most 1 % too long; None without any."""
        wanted = max(math.ceil(q * self.count), 1)
        for index, number in enumerate(self._buckets):
            wanted -= number
            if wanted <= 0:
                return min(SHORTEST * math.exp(index * _LOG_OF_WIDTH), self.longest)
        return None
