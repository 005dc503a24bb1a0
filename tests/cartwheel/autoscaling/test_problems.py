"""Problems are reported when they are certain and when they end, each once."""

from cartwheel.local.autoscaling.problems import Problems
from cartwheel.local.events import EventKind

SLOW = {"cart-1": "cart-1 does not respond"}


def test_a_problem_is_reported_once_it_has_lasted_and_when_it_ends() -> None:
    lines: list[tuple[EventKind, str]] = []
    problems = Problems(lambda kind, message: lines.append((kind, message)))
    for _ in range(2):
        problems.update(SLOW, ended={})
    assert lines == []
    assert problems.present == []
    for _ in range(3):
        problems.update(SLOW, ended={})
    assert lines == [("failure", "cart-1 does not respond")]
    assert problems.present == ["cart-1 does not respond"]
    for _ in range(2):
        problems.update({}, ended={"cart-1": "cart-1 responds again"})
    assert lines[1:] == [("success", "cart-1 responds again")]
    assert problems.present == []


def test_what_was_not_reported_does_not_end() -> None:
    lines: list[tuple[EventKind, str]] = []
    problems = Problems(lambda kind, message: lines.append((kind, message)))
    problems.update(SLOW, ended={})
    problems.update({}, ended={"cart-1": "cart-1 responds again"})
    for _ in range(2):
        problems.update(SLOW, ended={})
    assert lines == []
