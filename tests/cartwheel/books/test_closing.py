"""What a load has left open is not decided."""

import pytest

from cartwheel.books import with_unsettled
from cartwheel.consistency import CheckResult, Report

REPORT = Report({"ok": 9, "refused": 0, "unknown": 1}, [CheckResult("exact-sums", passed=3)])


def test_with_nothing_left_open_the_report_is_that_of_the_checks() -> None:
    assert with_unsettled(REPORT, 0) == REPORT


@pytest.mark.parametrize(
    ("unsettled", "sentence"),
    [
        (2, "2 orders, carts or stocks could not be read to the end."),
        (None, "The load was ended before all of its orders, carts and stocks were read"),
    ],
)
def test_what_was_left_open_is_not_decided(unsettled: int | None, sentence: str) -> None:
    report = with_unsettled(REPORT, unsettled)
    assert not report.passed
    assert report.undecided[0].startswith(sentence)
