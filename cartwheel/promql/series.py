"""A series: its labels, and its samples of the last minutes."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

Labels = frozenset[tuple[str, str]]
NAME = "__name__"
LOOKBACK = 300_000
"""Milliseconds for which a selector returns the last sample of a series."""


Value = TypeVar("Value")


class Cache(dict[Labels, Value], Generic[Value]):
    """What was computed from labels: they are the same at each evaluation. Of a bounded size."""

    MAX_SIZE = 50_000

    def __setitem__(self, labels: Labels, value: Value) -> None:
        if len(self) >= self.MAX_SIZE:
            self.clear()
        super().__setitem__(labels, value)


class Sample(NamedTuple):
    """The value of one series at the time of the evaluation."""

    labels: Labels
    value: float


Vector = Sequence[Sample]


class Series:
    """Samples in the order of time. Times are whole milliseconds, as in Prometheus."""

    __slots__ = ("labels", "labels_without_name", "times", "unchanged_since", "values")

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.labels_without_name = frozenset(pair for pair in labels if pair[0] != NAME)
        self.times: list[int] = []
        # None marks the moment when the series became stale.
        self.values: list[float | None] = []
        self.unchanged_since = 0  # the time of the first sample with the value of the last

    def add(self, at: int, value: float | None) -> None:
        """Add a sample. One that is not newer than the last is ignored."""
        if not self.times or at > self.times[-1]:
            if not self.values or value != self.values[-1]:
                self.unchanged_since = at
            self.times.append(at)
            self.values.append(value)

    def value_at(self, at: int) -> float | None:
        """The last value before or at that time; None if it is stale or too old."""
        index = bisect_right(self.times, at) - 1
        if index < 0 or self.times[index] <= at - LOOKBACK:
            return None
        return self.values[index]

    def is_constant_between(self, start: int, end: int) -> bool:
        """Whether the last samples are in the range, at least two, and all of it has one value."""
        times = self.times
        return (
            self.unchanged_since <= start
            and len(times) > 1
            and start < times[-2]
            and times[-1] <= end
            and self.values[-1] is not None
        )

    def samples_between(self, start: int, end: int) -> tuple[Sequence[int], Sequence[float]]:
        """Times and values after ``start`` up to ``end``, without marks of staleness."""
        first = bisect_right(self.times, start)
        last = bisect_right(self.times, end, first)
        times, values = self.times[first:last], self.values[first:last]
        if None not in values:
            return times, values  # type: ignore[return-value]
        kept = [(at, value) for at, value in zip(times, values, strict=True) if value is not None]
        return [at for at, _ in kept], [value for _, value in kept]

    def forget_before(self, start: int) -> None:
        """Drop samples up to ``start``, but for the last of the series."""
        count = min(bisect_right(self.times, start), len(self.times) - 1)
        del self.times[:count]
        del self.values[:count]
