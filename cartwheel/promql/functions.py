"""Functions of counters over a range, with Prometheus' rules.

https://prometheus.io/docs/prometheus/latest/querying/functions/#rate and `extrapolatedRate` in
promql/functions.go of Prometheus 3: a range excludes its start and includes its end.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

MAX_GAP = 1.1
"""A series is taken to reach an end of the range that is at most this many intervals away."""


class Window(NamedTuple):
    """The samples of a series in a range; times are in milliseconds."""

    start: int
    end: int
    times: Sequence[int]
    values: Sequence[float]

    @property
    def seconds(self) -> float:
        return (self.end - self.start) / 1000


def increase(window: Window) -> float | None:
    """By how much a counter grew in the range, extrapolated to its ends."""
    if len(window.values) < 2:
        return None
    grown = _growth(window.values)
    if not grown:
        return grown
    sampled = (window.times[-1] - window.times[0]) / 1000
    interval = sampled / (len(window.times) - 1)
    to_start = _reach((window.times[0] - window.start) / 1000, interval)
    to_end = _reach((window.end - window.times[-1]) / 1000, interval)
    if grown > 0 and window.values[0] >= 0:
        # A counter starts at 0, so the growth before its first sample cannot exceed that sample.
        to_start = min(to_start, sampled * (window.values[0] / grown))
    return grown * ((sampled + to_start + to_end) / sampled)


def rate(window: Window) -> float | None:
    """The growth of a counter per second, extrapolated to the ends of the range."""
    grown = increase(window)
    return None if grown is None else grown / window.seconds


def irate(window: Window) -> float | None:
    """The growth per second between the last two samples."""
    if len(window.values) < 2:
        return None
    before, last = window.values[-2:]
    seconds = (window.times[-1] - window.times[-2]) / 1000
    return (last if last < before else last - before) / seconds


RANGE_FUNCTIONS: dict[str, Callable[[Window], float | None]] = {
    "rate": rate,
    "irate": irate,
    "increase": increase,
}


def _growth(values: Sequence[float]) -> float:
    """Last minus first; a counter that went down has started again at 0."""
    grown = values[-1] - values[0]
    for before, after in pairwise(values):
        if after < before:
            grown += before
    return grown


def _reach(seconds: float, interval: float) -> float:
    """How far beyond its outermost sample a series is taken to go on towards an end."""
    return seconds if seconds < interval * MAX_GAP else interval / 2
