"""Counts generated and compared requests over all workers, for the summary of a test run."""

from collections.abc import Callable, Iterator
from typing import Any

RecordProperty = Callable[[str, object], None]
GENERATED, COMPARED = "generated_cases", "compared_cases"


def record_cases(record_property: RecordProperty, count: int) -> None:
    """Record that a test sent `count` requests; called in the teardown of a fixture."""
    record_property(GENERATED, count)


def record_compared(record_property: RecordProperty, count: int) -> None:
    """Record that a test compared the answers to `count` requests, in the same way."""
    record_property(COMPARED, count)


def recorded_cases(stats: dict[str, list[Any]]) -> tuple[int, int]:
    """How many were generated and how many compared, over all reports of a run."""
    generated, compared = (
        sum(int(value) for name, value in _properties(stats) if name == wanted)
        for wanted in (GENERATED, COMPARED)
    )
    return generated, compared


def _properties(stats: dict[str, list[Any]]) -> Iterator[tuple[str, Any]]:
    for reports in stats.values():
        for report in reports:
            if getattr(report, "when", None) == "teardown":
                yield from report.user_properties
