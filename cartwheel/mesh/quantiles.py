"""Quantiles of a histogram, with the rules of `histogram_quantile`.

Source: `BucketQuantile` in promql/quantile.go of Prometheus 3.
"""

import math
from collections.abc import Iterable


def quantile(share: float, buckets: Iterable[tuple[float, float]]) -> float | None:
    """The value below which this share of the observations is; None without observations.

    ``buckets`` are upper bounds and the cumulative counts, or their rates, in any order. Within a
    bucket the observations are taken to be spread evenly; above the last bound, the result is it.
    """
    ordered = _cumulative(buckets)
    if len(ordered) < 2 or ordered[-1][0] != math.inf:
        return None
    total = ordered[-1][1]
    if not total > 0:
        return None
    rank = share * total
    lower, below = 0.0, 0.0
    for bound, count in ordered[:-1]:
        if count >= rank:
            if bound <= 0:
                return bound
            return lower + (bound - lower) * (rank - below) / (count - below)
        lower, below = bound, count
    return lower


def _cumulative(buckets: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """In the order of their bounds; a count below the one before is a matter of rounding."""
    ordered, highest = [], 0.0
    for bound, count in sorted(buckets):
        highest = max(highest, count)
        ordered.append((bound, highest))
    return ordered
