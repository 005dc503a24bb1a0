"""Quantiles are those of `histogram_quantile`; the expected values are Prometheus' own."""

import math

import pytest

from cartwheel.mesh.quantiles import quantile

INF = math.inf


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        # Spread evenly within a bucket; the first one begins at 0.
        ([(0.1, 100), (INF, 100)], 0.095),
        ([(0.1, 50), (0.2, 100), (INF, 100)], 0.19),
        ([(0.2, 100), (INF, 100), (0.1, 50)], 0.19),
        # Above the last bound nothing is known.
        ([(0.1, 10), (1.0, 20), (INF, 100)], 1.0),
        # An empty bucket has no part in it.
        ([(0.1, 0), (0.2, 0), (0.4, 10), (INF, 10)], 0.39),
        # A rate of a bucket may come out a little below that of the one before.
        ([(0.1, 100.0), (0.2, 99.9999), (INF, 100.0)], 0.095),
        ([(0.1, 0), (INF, 0)], None),
        ([(0.1, 10)], None),
        ([(0.1, 10), (0.2, 10)], None),
        ([(INF, 10)], None),
        ([], None),
    ],
)
def test_the_95th_percentile(buckets: list[tuple[float, float]], expected: float | None) -> None:
    found = quantile(0.95, buckets)
    assert found == (None if expected is None else pytest.approx(expected))
