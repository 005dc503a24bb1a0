"""Counts generated requests over all workers, for the summary of a test run."""

from collections.abc import Callable, Iterator
from typing import Any

RecordProperty = Callable[[str, object], None]
PROPERTY = "generated_cases"


def record_cases(record_property: RecordProperty, count: int) -> None:
    """Record that a test sent `count` requests; called in the teardown of a fixture."""
    record_property(PROPERTY, count)


def recorded_cases(stats: dict[str, list[Any]]) -> int:
    """The sum over all reports of a run."""
    return sum(int(value) for value in _values(stats))


def _values(stats: dict[str, list[Any]]) -> Iterator[Any]:
    for reports in stats.values():
        for report in reports:
            if getattr(report, "when", None) == "teardown":
                yield from (v for name, v in report.user_properties if name == PROPERTY)
