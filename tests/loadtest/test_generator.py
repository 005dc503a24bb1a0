"""Figures that do not flatter."""

import pytest

from loadtest.generator import TIMEOUT, Figures


def figures(*durations: float, failed: int = 0, missed: int = 0) -> Figures:
    made = Figures()
    for seconds in durations:
        made.count(200, seconds)
    for _ in range(failed):
        made.count(0, 0.001)
    made.miss(missed)
    return made


def test_nothing_has_no_quantile() -> None:
    assert Figures().quantile(0.95) is None


@pytest.mark.parametrize(("share", "seconds"), [(0.5, 0.02), (0.75, 0.03), (0.95, 0.04), (0, 0.01)])
def test_a_share_of_the_durations_does_not_exceed_the_quantile(
    share: float, seconds: float
) -> None:
    assert figures(0.01, 0.02, 0.03, 0.04).quantile(share) == seconds


@pytest.mark.parametrize("what", ["failed", "missed"])
def test_what_never_came_counts_as_the_longest_wait(what: str) -> None:
    made = figures(*[0.01] * 90, **{what: 10})
    assert made.quantile(0.5) == 0.01
    assert made.quantile(0.95) == TIMEOUT


def test_an_answer_that_refuses_is_an_answer() -> None:
    made = Figures()
    made.count(409, 0.01)
    assert (made.failed, made.quantile(0.95)) == (0, 0.01)
