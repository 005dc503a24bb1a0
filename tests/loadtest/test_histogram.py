"""Quantiles of a histogram, compared with those of all durations."""

import math

from hypothesis import given
from hypothesis import strategies as st

from loadtest.histogram import LONGEST, MAX_ERROR, SHORTEST, Histogram

durations = st.lists(st.floats(SHORTEST, LONGEST), min_size=1, max_size=200)


def histogram(values: list[float]) -> Histogram:
    made = Histogram()
    for value in values:
        made.record(value)
    return made


@given(durations, st.floats(0, 1))
def test_a_quantile_is_at_most_one_percent_too_long(values: list[float], q: float) -> None:
    exact = sorted(values)[max(math.ceil(q * len(values)) - 1, 0)]
    found = histogram(values).quantile(q)
    assert found is not None
    assert exact * (1 - 1e-9) <= found <= exact * (1 + MAX_ERROR) * (1 + 1e-9)


def test_what_is_shorter_or_longer_than_all_buckets_is_counted() -> None:
    made = histogram([0.0, 1e-9, 1e6])
    assert made.count == 3
    assert made.quantile(0.5) == SHORTEST
    assert made.longest == 1e6


def test_nothing_has_no_quantile() -> None:
    assert Histogram().quantile(0.5) is None
