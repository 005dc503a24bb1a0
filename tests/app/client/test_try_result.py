"""How a try ended: the label of its metrics, and who is blamed."""

import pytest

from app.client import ConnectTimeout, LocalLimit, OutOfTime, UpstreamBroken, UpstreamTimeout
from app.client.errors import UpstreamError, UpstreamRefused
from app.client.try_result import Outcome, TryResult, excuse_short_timeout


@pytest.mark.parametrize(
    ("status", "headers", "label", "outcome", "success"),
    [
        (200, {}, "ok", Outcome.SUCCEEDED, True),
        (404, {}, "client_error", Outcome.SUCCEEDED, True),
        (429, {}, "shed", None, None),
        (503, {"retry-after": "1"}, "shed", None, None),
        (503, {}, "server_error", Outcome.FAILED, False),
        (500, {}, "server_error", Outcome.FAILED, False),
    ],
)
def test_a_response_counts_by_its_status(
    status: int, headers: dict[str, str], label: str, outcome: Outcome | None, success: bool | None
) -> None:
    result = TryResult()
    result.record_response(status, headers)

    assert (result.label, result.outcome, result.success) == (label, outcome, success)


@pytest.mark.parametrize(
    ("error", "label", "outcome", "success"),
    [
        (UpstreamTimeout("cart", "late"), "timeout", Outcome.SILENT, False),
        (UpstreamBroken("cart", "cut off"), "broken", Outcome.FAILED, False),
        (UpstreamRefused("cart", "gone", unsent=True), "refused", Outcome.ABSENT, None),
        (ConnectTimeout("cart", "gone"), "connect_timeout", Outcome.ABSENT, None),
        (OutOfTime("cart", "no time"), "out_of_time", None, None),
        (LocalLimit("cart", "too many"), "local_limit", None, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_counts_against_the_one_who_caused_it(
    error: UpstreamError, label: str, outcome: Outcome | None, success: bool | None
) -> None:
    result = TryResult()
    result.record_error(error)

    assert (result.label, result.outcome, result.success) == (label, outcome, success)


def test_a_try_without_an_end_says_nothing_about_the_upstream() -> None:
    assert (TryResult().label, TryResult().success) == ("cancelled", None)


@pytest.mark.parametrize(
    ("timeout", "usual_timeout", "is_excused"),
    [(0.39, 2.5, True), (0.4, 2.5, False), (0.19, 0.4, True), (0.2, 0.4, False)],
)
def test_an_upstream_is_not_blamed_for_a_timeout_that_was_too_short(
    timeout: float, usual_timeout: float, is_excused: bool
) -> None:
    late = UpstreamTimeout("cart", "late")
    judged = excuse_short_timeout(late, timeout=timeout, usual_timeout=usual_timeout)

    assert isinstance(judged, OutOfTime) is is_excused
    assert (judged is late) is not is_excused


def test_a_short_timeout_excuses_no_other_failure() -> None:
    broken = UpstreamBroken("cart", "cut off")

    assert excuse_short_timeout(broken, timeout=0.01, usual_timeout=2.5) is broken
