"""The parts of a query; each evaluates itself on the samples of a store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cartwheel.promql.aggregations import aggregate
from cartwheel.promql.functions import Window
from cartwheel.promql.operators import Grouping, combine, either, without_name
from cartwheel.promql.series import Cache, Labels, Sample, Series, Vector

Test = Callable[[Labels], bool]
NO_LABELS: Labels = frozenset()


class Samples(Protocol):
    """Where a query finds the series of a metric."""

    def series(self, name: str) -> Sequence[Series]: ...


class VectorExpression(Protocol):
    """A part that results in an instant vector; ``at`` is in milliseconds."""

    def evaluate(self, samples: Samples, at: int) -> Vector: ...


@dataclass(frozen=True)
class Selector:
    """The last samples of the series of one metric that pass all tests of their labels."""

    name: str
    tests: Sequence[Test] = ()
    _passed: Cache[bool] = field(default_factory=Cache, compare=False, repr=False)

    def select(self, samples: Samples) -> Sequence[Series]:
        found = samples.series(self.name)
        if not self.tests:
            return found
        return [one for one in found if self._passes(one.labels)]

    def _passes(self, labels: Labels) -> bool:
        passes = self._passed.get(labels)
        if passes is None:
            passes = self._passed[labels] = all(test(labels) for test in self.tests)
        return passes

    def evaluate(self, samples: Samples, at: int) -> Vector:
        return [
            Sample(series.labels, value)
            for series in self.select(samples)
            if (value := series.value_at(at)) is not None
        ]


@dataclass(frozen=True)
class RangeCall:
    """A function of the samples in a range: `rate(name[4s])`. ``length`` is in milliseconds."""

    function: Callable[[Window], float | None]
    selector: Selector
    length: int

    def evaluate(self, samples: Samples, at: int) -> Vector:
        start = at - self.length
        result = []
        for series in self.selector.select(samples):
            if series.is_constant_between(start, at):
                # What all functions of counters make of it; most series are so most of the time.
                result.append(Sample(series.labels_without_name, 0.0))
                continue
            times, values = series.samples_between(start, at)
            value = self.function(Window(start, at, times, values))
            if value is not None:
                result.append(Sample(series.labels_without_name, value))
        return result


@dataclass(frozen=True)
class Constant:
    """`vector(0)`: one series without labels."""

    value: float

    def evaluate(self, _samples: Samples, _at: int) -> Vector:
        return [Sample(NO_LABELS, self.value)]


@dataclass(frozen=True)
class Aggregation:
    compute: Callable[[Sequence[float]], float]
    operand: VectorExpression
    grouping: Grouping

    def evaluate(self, samples: Samples, at: int) -> Vector:
        return aggregate(self.operand.evaluate(samples, at), self.compute, self.grouping)


@dataclass(frozen=True)
class Mapped:
    """Arithmetic of each sample with a number."""

    compute: Callable[[float], float]
    operand: VectorExpression

    def evaluate(self, samples: Samples, at: int) -> Vector:
        return [
            Sample(without_name(labels), self.compute(value))
            for labels, value in self.operand.evaluate(samples, at)
        ]


@dataclass(frozen=True)
class Combined:
    """Arithmetic of two vectors, series by series."""

    compute: Callable[[float, float], float]
    left: VectorExpression
    right: VectorExpression
    matching: Grouping

    def evaluate(self, samples: Samples, at: int) -> Vector:
        left, right = self.left.evaluate(samples, at), self.right.evaluate(samples, at)
        return combine(left, right, self.compute, self.matching)


@dataclass(frozen=True)
class Either:
    """`left or right`."""

    left: VectorExpression
    right: VectorExpression
    matching: Grouping

    def evaluate(self, samples: Samples, at: int) -> Vector:
        left, right = self.left.evaluate(samples, at), self.right.evaluate(samples, at)
        return either(left, right, self.matching)
