"""`--expect`: what may be written, and how it is judged."""

import pytest

from cartwheel.consistency import CheckResult, Finding, Report
from cartwheel.errors import UsageError
from cartwheel.load.expectations import is_good, parse_expectations
from tests.cartwheel.load.sessions import figures, session, total, waiting


@pytest.mark.parametrize(
    ("text", "is_met", "found"),
    [
        ("p95<50ms", True, "12 ms"),
        ("p95 < 0.01s", False, "12 ms"),
        ("longest<=0.5s", True, "500 ms"),
        ("failed=0", False, "5"),
        ("failed<1%", True, "0.5 %"),
        ("missed=0", True, "0"),
        ("rate>=90", True, "98"),
        ("replicas>=7", True, "7"),
        ("replicas>7", False, "7"),
    ],
)
def test_an_expectation_is_compared_with_its_figure(text: str, is_met: bool, found: str) -> None:
    seconds = [figures(second, refused=2) for second in range(10)]
    (expectation,) = parse_expectations(text)
    outcome = expectation.judge(session(*seconds, ended=total(refused=5)))
    assert (outcome.expectation, outcome.is_met, outcome.found) == (text, is_met, found)


def test_the_rate_leaves_out_the_wait_for_the_last_responses() -> None:
    sent = [figures(second, due=20) for second in range(10)]
    drain = [waiting(second, due=0, in_flight=1) for second in range(10, 17)]
    (expectation,) = parse_expectations("rate>=19")
    assert expectation.judge(session(*sent, *drain, ended=total())).found == "20"


@pytest.mark.parametrize(
    ("text", "missed", "good"),
    [
        ("failed=0", 0, True),
        ("failed=0", 3, False),
        ("failed=0,missed<5", 3, True),
        ("failed=0,missed<2", 3, False),
    ],
)
def test_missed_requests_are_bad_unless_they_are_expected(
    text: str, missed: int, good: bool
) -> None:
    made = session(figures(0), ended=total(missed=missed))
    expectations = parse_expectations(text)
    outcomes = [one.judge(made) for one in expectations]
    assert is_good(made, expectations, outcomes) is good


def test_several_are_separated_by_commas() -> None:
    assert [one.name for one in parse_expectations("p95<50ms, failed=0,replicas>=5")] == [
        "p95",
        "failed",
        "replicas",
    ]


@pytest.mark.parametrize(
    "text", ["", "p95", "p97<5ms", "p95<50", "failed=0ms", "replicas>=5%", "p95!=5ms", "p95<-5ms"]
)
def test_what_is_no_expectation_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no expectation\. Expect p50, p95") as error:
        parse_expectations(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("found", "good"),
    [
        (CheckResult("sessions", passed=3), True),
        (
            CheckResult("sessions", findings=[Finding("sessions", "session/ann", "It is open.")]),
            False,
        ),
        (CheckResult("sessions", undecided=["It took too long."]), False),
    ],
)
def test_what_a_check_finds_or_cannot_decide_is_bad_whatever_is_expected(
    found: CheckResult, good: bool
) -> None:
    made = session(figures(0), ended=total())
    made.consistency = Report({"ok": 1}, [found])
    (expectation,) = parse_expectations("failed=0")
    assert is_good(made, [expectation], [expectation.judge(made)]) is good
