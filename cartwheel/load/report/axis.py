"""Scales of charts: where round values lie."""

from collections.abc import Sequence
from dataclasses import dataclass

_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900)
MAX_TICKS = 6


@dataclass(frozen=True)
class TimeAxis:
    """From ``start`` to ``end``, in seconds since the epoch."""

    start: float
    end: float

    def share(self, at: float) -> float:
        """Where a time lies, from 0 to 1."""
        length = max(self.end - self.start, 1e-3)
        return min(max((at - self.start) / length, 0.0), 1.0)

    def ticks(self) -> Sequence[tuple[float, str]]:
        """Round times since the start, with their labels."""
        length = self.end - self.start
        step = next((one for one in _TIME_STEPS if length / one <= MAX_TICKS), _TIME_STEPS[-1])
        times = range(0, int(length) + 1, step)
        return [(self.start + seconds, format_elapsed(seconds)) for seconds in times]


def format_elapsed(seconds: float) -> str:
    """40 s, 2 min, 2:30 min."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes}:{rest:02} min" if rest else f"{minutes} min"


def round_up(value: float) -> float:
    """To a number of which the half is round as well."""
    size = 1.0
    while size * 10 < value:
        size *= 10
    while size > value > 0:
        size /= 10
    return next((size * one for one in (1, 2, 3, 4, 6, 8) if size * one >= value), size * 10)
