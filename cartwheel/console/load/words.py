"""What is said of a load: in marks, and when it has ended."""

from collections.abc import Sequence

from cartwheel.load.figures_text import format_count, format_failures
from loadtest.arrivals import Stage
from loadtest.figures import Total
from loadtest.table import format_duration


def short(stages: Sequence[Stage]) -> str:
    """50/s, or 20/s … 200/s for what is not constant."""
    rates = [rate for stage in stages for rate in (stage.rate, stage.end_rate)]
    lowest, highest = min(rates), max(rates)
    if lowest == highest:
        return f"{highest:g}/s"
    return f"{lowest:g}/s … {highest:g}/s"


def describe(scenario: str, stages: Sequence[Stage]) -> str:
    """A sentence."""
    if len(stages) > 3:
        seconds = sum(stage.seconds for stage in stages)
        return f"{scenario}: {short(stages)} in {len(stages)} stages, {seconds:g} s."
    return f"{scenario}: {', then '.join(map(str, stages))}."


def is_good(total: Total) -> bool:
    return not total.failed and not total.missed


def conclusion(total: Total) -> str:
    """The whole load in one sentence."""
    parts = [f"{format_count(total.sent)} requests in {total.seconds:.0f} s"]
    parts.append(
        f"{format_count(total.failed)} failed ({format_failures(total.failures)})"
        if total.failed
        else "none failed"
    )
    if total.missed:
        parts.append(f"{format_count(total.missed)} due and not sent")
    if total.rejections:
        parts.append(f"{format_failures(total.rejections)} rejected")
    times = ", ".join(
        f"{name} {format_duration(seconds)}"
        for name, seconds in (("p50", total.p50), ("p95", total.p95), ("p99", total.p99))
    )
    return f"{', '.join(parts)}; {times}."
