"""Scales of charts: where round values lie."""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_TICKS = 6
_HOUR, _DAY = 3600, 86_400
_MINUTES, _HOURS = (60, 120, 300, 600, 900, 1800), (3600, 7200, 14_400, 21_600, 43_200)
_TIME_STEPS = (1, 2, 5, 10, 15, 30, *_MINUTES, *_HOURS)
_ROUND = (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8)


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
        days = _DAY * max(1, round(length / _DAY / MAX_TICKS))
        step = next((one for one in _TIME_STEPS if length / one <= MAX_TICKS), days)
        times = range(0, int(length) + 1, step)
        return [(self.start + seconds, format_elapsed(seconds)) for seconds in times]


def format_elapsed(seconds: float) -> str:
    """40 s, 2 min, 2:30 min, 4:30 h, 7 d."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 2 * _HOUR:
        return _in_two_parts(whole, "min")
    if whole < 2 * _DAY:
        return _in_two_parts(whole // 60, "h")
    return f"{whole / _DAY:.3g} d"


def round_up(value: float) -> float:
    """To a number that reads well, and so does its half."""
    size = 1.0
    while size * 10 < value:
        size *= 10
    while size > value > 0:
        size /= 10
    return next((size * one for one in _ROUND if size * one >= value), size * 10)


def spread(places: Sequence[float], *, distance: float, end: float) -> Sequence[float]:
    """Where labels go that belong to these places, in ascending order, without an overlap."""
    found: list[float] = []
    for place in places:
        found.append(max(place, found[-1] + distance) if found else place)
    excess = max(found[-1] - end, 0.0) if found else 0.0
    return [place - excess for place in found]


def _in_two_parts(number: int, unit: str) -> str:
    whole, rest = divmod(number, 60)
    return f"{whole}:{rest:02} {unit}" if rest else f"{whole} {unit}"
