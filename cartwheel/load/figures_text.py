"""Figures of a load as people write them."""

from collections.abc import Mapping

from loadtest.table import describe_failure


def format_count(number: float) -> str:
    """1,234, or 12.5 for a small number that is no integer."""
    if number < 100 and number != int(number):
        return f"{number:.1f}"
    return f"{number:,.0f}"


def format_failures(failures: Mapping[str, int]) -> str:
    """12 refused, 3 status 503; the most frequent first."""
    by_number = sorted(failures.items(), key=lambda item: -item[1])
    return ", ".join(f"{number:,} {describe_failure(kind)}" for kind, number in by_number)
