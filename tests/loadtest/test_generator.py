"""Statistics of the load generator, without coordinated omission."""

import pytest

from loadtest.generator import TIMEOUT, LoadStatistics


def statistics(*durations: float, failed: int = 0, missed: int = 0) -> LoadStatistics:
    made = LoadStatistics()
    for seconds in durations:
        made.record_response(200, seconds)
    for _ in range(failed):
        made.record_response(0, 0.001)
    made.record_missed(missed)
    return made


def test_nothing_has_no_quantile() -> None:
    assert LoadStatistics().quantile(0.95) is None


@pytest.mark.parametrize(("share", "seconds"), [(0.5, 0.02), (0.75, 0.03), (0.95, 0.04), (0, 0.01)])
def test_a_share_of_the_durations_does_not_exceed_the_quantile(
    share: float, seconds: float
) -> None:
    assert statistics(0.01, 0.02, 0.03, 0.04).quantile(share) == seconds


@pytest.mark.parametrize("what", ["failed", "missed"])
def test_a_failed_or_missed_request_counts_as_the_timeout(what: str) -> None:
    made = statistics(*[0.01] * 90, **{what: 10})
    assert made.quantile(0.5) == 0.01
    assert made.quantile(0.95) == TIMEOUT


def test_a_rejection_is_a_response() -> None:
    made = LoadStatistics()
    made.record_response(409, 0.01)
    assert (made.failed, made.quantile(0.95)) == (0, 0.01)
