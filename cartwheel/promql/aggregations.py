"""Aggregations of a vector to fewer series.

https://prometheus.io/docs/prometheus/latest/querying/operators/#aggregation-operators
"""

import math
from collections.abc import Callable, Sequence

from cartwheel.promql.operators import Grouping
from cartwheel.promql.series import Labels, Sample, Vector


def aggregate(
    vector: Vector, compute: Callable[[Sequence[float]], float], grouping: Grouping
) -> Vector:
    """One sample for each group of series."""
    groups: dict[Labels, list[float]] = {}
    for sample in vector:
        groups.setdefault(grouping.key(sample.labels), []).append(sample.value)
    return [Sample(labels, compute(values)) for labels, values in groups.items()]


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _count(values: Sequence[float]) -> float:
    return float(len(values))


def _extreme(choose: Callable[[Sequence[float]], float]) -> Callable[[Sequence[float]], float]:
    """The largest or smallest value that is a number."""

    def compute(values: Sequence[float]) -> float:
        numbers = [value for value in values if not math.isnan(value)]
        return choose(numbers) if numbers else math.nan

    return compute


AGGREGATIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "avg": _average,
    "min": _extreme(min),
    "max": _extreme(max),
    "count": _count,
}
