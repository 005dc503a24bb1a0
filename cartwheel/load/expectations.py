"""Expectations of a load: ``p95<50ms,failed=0,replicas>=5``."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cartwheel.errors import UsageError
from cartwheel.load.figures_text import format_count
from cartwheel.load.session import Session
from loadtest.figures import Total
from loadtest.table import format_duration

DURATIONS = ("p50", "p95", "p99", "longest")
REPLICAS, MISSED = "replicas", "missed"
COUNTS = ("failed", MISSED)
ALLOWED = (
    f"{', '.join(DURATIONS)} (as 50ms or 1.5s), {', '.join(COUNTS)} (a number, or 0.1%), "
    f"rate (responses a second, while requests are due) and "
    f"{REPLICAS} (the most that served at once), compared with <, <=, =, >= or >"
)
_EXPECTATION = re.compile(r"(\w+) *(<=|>=|=|<|>) *(\d+(?:\.\d+)?) *(ms|s|%|)")
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
_UNITS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(DURATIONS, ("ms", "s")),
    **dict.fromkeys(COUNTS, ("", "%")),
    "rate": ("",),
    REPLICAS: ("",),
}


@dataclass(frozen=True)
class Expectation:
    """One of them, as it was written, and in seconds where it is a duration."""

    text: str
    name: str
    comparison: str
    limit: float
    unit: str

    def judge(self, session: Session) -> "Outcome":
        """Compare it with a load that has ended."""
        assert session.total is not None
        found = _value(self, session, session.total)
        if found is None:
            return Outcome(self.text, is_met=False, found="unknown")
        return Outcome(self.text, _COMPARE[self.comparison](found, self.limit), _shown(self, found))


@dataclass(frozen=True)
class Outcome:
    """An expectation beside the figure."""

    expectation: str
    is_met: bool
    found: str


def parse_expectations(text: str) -> Sequence[Expectation]:
    """Raises `UsageError`, which names what is allowed."""
    return [_parse(part.strip()) for part in text.split(",")]


def is_good(
    session: Session, expectations: Sequence[Expectation], outcomes: Sequence[Outcome]
) -> bool:
    """Whether all are met, and the checks of the history, if there were any, found nothing.

    A request that was not sent is as bad as a failed one: unless missed requests are expected
    themselves, there must be none.
    """
    if session.total is None:
        return False
    if session.total.missed and not any(one.name == MISSED for one in expectations):
        return False
    if session.consistency is not None and not session.consistency.passed:
        return False
    return all(one.is_met for one in outcomes) if outcomes else not session.total.failed


def _parse(text: str) -> Expectation:
    found = _EXPECTATION.fullmatch(text)
    name, comparison, number, unit = found.groups() if found else ("", "", "", "")
    if unit not in _UNITS.get(name, ()):
        raise UsageError(f"--expect: {text!r} is no expectation. Expect {ALLOWED}.")
    limit = float(number) / 1000 if unit == "ms" else float(number)
    return Expectation(text, name, comparison, limit, unit)


def _value(expectation: Expectation, session: Session, total: Total) -> float | None:
    match expectation.name:
        case "rate":
            responses = sum(one.achieved * one.seconds for one in session.figures_due)
            return responses / max(session.seconds_due, 1e-3)
        case "replicas":
            return session.most_serving
        case name:
            value: float | None = getattr(total, name)
            if value is not None and expectation.unit == "%":
                return 100 * value / max(total.sent + total.missed, 1)
            return value


def _shown(expectation: Expectation, value: float) -> str:
    if expectation.name in DURATIONS:
        return format_duration(value)
    if expectation.unit == "%":
        return f"{value:.3g} %"
    return format_count(value)
