"""Counters, gauges and histograms that cost a request next to nothing.

A series is a cell of plain numbers that is changed without a lock, so it belongs to the thread of
the event loop: an increment takes 0.06 µs and an observation 0.13 µs, where prometheus_client's
own take 0.32 µs and 0.66 µs. A `Family` is a collector for its registry, like its own metrics.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Generic, Literal, Protocol, TypeVar

from prometheus_client import Metric
from prometheus_client.utils import floatToGoString

number_text: Callable[[float], str] = floatToGoString
"""A number as the text format has it."""

Kind = Literal["counter", "gauge", "histogram"]


class Cell(Protocol):
    """The numbers of one series, or of the series of one histogram."""

    def values(self) -> Iterable[float]:
        """One for each of the family's `Line`s."""


class Counter:
    """A number that only grows."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        self._value: float = 0

    def inc(self, amount: float = 1) -> None:
        """Count `amount`, which is not negative."""
        self._value += amount

    def values(self) -> Iterable[float]:
        return (self._value,)


class Gauge:
    """A number that goes up and down."""

    __slots__ = ("_read", "_value")

    def __init__(self) -> None:
        self._value: float = 0
        self._read: Callable[[], float] | None = None

    def inc(self, amount: float = 1) -> None:
        self._value += amount

    def dec(self, amount: float = 1) -> None:
        self._value -= amount

    def set(self, value: float) -> None:
        self._value = value

    def set_function(self, read: Callable[[], float]) -> None:
        """Have the value read at each scrape."""
        self._read = read

    def values(self) -> Iterable[float]:
        return (self._value if self._read is None else self._read(),)


class Histogram:
    """How many observations fell into each bucket, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * len(bounds)
        self._sum = 0.0

    def observe(self, amount: float) -> None:
        self._counts[bisect_left(self._bounds, amount)] += 1
        self._sum += amount

    def values(self) -> Iterable[float]:
        cumulative = list(accumulate(self._counts))
        return [*cumulative, cumulative[-1], self._sum]


C = TypeVar("C", bound=Cell)
Line = tuple[str, Mapping[str, str]]
"""The name of a sample and the labels it has besides those of its cell."""


class Family(Generic[C]):
    """A metric: the cells of all combinations of its label values, in the order of their making."""

    def __init__(
        self,
        name: str,
        documentation: str,
        label_names: Sequence[str],
        *,
        kind: Kind,
        lines: Sequence[Line],
        make_cell: Callable[[], C],
    ) -> None:
        self.name = name
        self.documentation = documentation
        self.label_names = tuple(label_names)
        self.kind = kind
        self.lines = lines
        self.cells: dict[tuple[str, ...], C] = {}
        self._make_cell = make_cell

    def labels(self, *values: object, **named: object) -> C:
        """The cell with these label values, made at its first use."""
        if not values and named.keys() == set(self.label_names):
            values = tuple(named[name] for name in self.label_names)
        elif named or len(values) != len(self.label_names):
            raise ValueError(f"{self.name} has the labels {self.label_names}.")
        key = tuple(map(str, values))
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = self._make_cell()
        return cell

    def describe(self) -> Iterable[Metric]:
        """What its registry compares with the names it has already."""
        return [Metric(self.name.removesuffix("_total"), self.documentation, self.kind)]

    def collect(self) -> Iterable[Metric]:
        (metric,) = self.describe()
        for values, cell in list(self.cells.items()):
            labels = dict(zip(self.label_names, values, strict=True))
            for (name, more), value in zip(self.lines, cell.values(), strict=True):
                metric.add_sample(name, {**labels, **more}, float(value))
        return [metric]


def counters(name: str, documentation: str, label_names: Sequence[str]) -> Family[Counter]:
    """Counters; their name ends in `_total`."""
    if not name.endswith("_total"):
        raise ValueError(f"The name of a counter ends in _total: {name}")
    return Family(
        name, documentation, label_names, kind="counter", lines=[(name, {})], make_cell=Counter
    )


def gauges(name: str, documentation: str, label_names: Sequence[str]) -> Family[Gauge]:
    return Family(
        name, documentation, label_names, kind="gauge", lines=[(name, {})], make_cell=Gauge
    )


def histograms(
    name: str, documentation: str, label_names: Sequence[str], *, buckets: Sequence[float]
) -> Family[Histogram]:
    """Histograms with these upper bounds, in ascending order; one without a bound is added."""
    bounds = [*buckets, math.inf]
    if bounds != sorted(set(bounds)):
        raise ValueError(f"The buckets of {name} are not in ascending order: {buckets}")
    in_buckets: list[Line] = [(f"{name}_bucket", {"le": number_text(b)}) for b in bounds]
    return Family(
        name,
        documentation,
        label_names,
        kind="histogram",
        lines=[*in_buckets, (f"{name}_count", {}), (f"{name}_sum", {})],
        make_cell=lambda: Histogram(bounds),
    )
