"""What the checks of a history have shown, in sentences."""

from collections.abc import Iterator

from cartwheel.consistency import Report
from cartwheel.load.figures_text import format_count
from loadtest.history import Outcome

MAX_SHOWN = 10


def consistency_sentences(report: Report | None) -> Iterator[str]:
    """One sentence if nothing was found; no more than a few otherwise."""
    if report is None:
        return
    sign = "✓" if report.passed else "✗"
    yield f"{sign} {_operations(report)}: {_result(report)}."
    found = [f"{one.check}: {one.sentence}" for one in report.findings] + report.undecided
    yield from (f"✗ {sentence}" for sentence in found[:MAX_SHOWN])
    if len(found) > MAX_SHOWN:
        yield f"✗ And {format_count(len(found) - MAX_SHOWN)} more."


def _operations(report: Report) -> str:
    acknowledged = report.operations[Outcome.OK]
    unknown = report.operations[Outcome.UNKNOWN]
    refused = report.operations[Outcome.REFUSED]
    return (
        f"{format_count(acknowledged)} operations acknowledged, {format_count(refused)} refused, "
        f"{format_count(unknown)} without a known outcome"
    )


def _result(report: Report) -> str:
    if report.findings:
        number = len(report.findings)
        return f"{format_count(number)} violation{'s'[: number != 1]} of what the shop promises"
    if report.undecided:
        return "no violation found, but not everything could be decided"
    if not report.has_checked:
        return "nothing was checked, because no operation was acknowledged"
    if not report.are_books_read:
        return "nothing is lost, doubled or oversold in the responses; the stores were not read"
    return "nothing is lost, doubled or oversold"
