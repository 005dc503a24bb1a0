"""Arithmetic and `or`.

https://prometheus.io/docs/prometheus/latest/querying/operators/
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cartwheel.promql.errors import QueryError
from cartwheel.promql.series import NAME, Cache, Labels, Sample, Vector


@dataclass(frozen=True)
class Grouping:
    """The labels that count: those listed, or all but those listed. Never the metric's name."""

    labels: frozenset[str] = frozenset()
    listed_count: bool = False
    _keys: Cache[Labels] = field(default_factory=Cache, compare=False, repr=False)

    def key(self, labels: Labels) -> Labels:
        key = self._keys.get(labels)
        if key is None:
            key = self._keys[labels] = self._new_key(labels)
        return key

    def _new_key(self, labels: Labels) -> Labels:
        if self.listed_count:
            return frozenset(pair for pair in labels if pair[0] in self.labels)
        return frozenset(pair for pair in labels if pair[0] != NAME and pair[0] not in self.labels)


def divide(left: float, right: float) -> float:
    if right:
        return left / right
    if left == 0 or math.isnan(left) or math.isnan(right):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def modulo(left: float, right: float) -> float:
    try:
        return math.fmod(left, right)
    except ValueError:  # of infinity, or by zero
        return math.nan


def power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except ValueError:
        if left:  # a root of a negative number
            return math.nan
        # A zero keeps its sign if the exponent is an odd integer.
        return math.copysign(math.inf, left) if right % 2 == 1 else math.inf
    except OverflowError:
        return -math.inf if left < 0 and right % 2 == 1 else math.inf


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": divide,
    "%": modulo,
    "^": power,
}


def combine(
    left: Vector, right: Vector, compute: Callable[[float, float], float], matching: Grouping
) -> Vector:
    """Pair the series whose labels match, one to one. Raises `QueryError` if there are more."""
    if not left or not right:
        return []
    partners = {}
    for sample in right:
        key = matching.key(sample.labels)
        if key in partners:
            raise _several("right", key)
        partners[key] = sample.value
    result: dict[Labels, float] = {}
    for sample in left:
        key = matching.key(sample.labels)
        if key in result:
            raise _several("left", key)
        if key in partners:
            result[key] = compute(sample.value, partners[key])
    return [Sample(labels, value) for labels, value in result.items()]


def either(left: Vector, right: Vector, matching: Grouping) -> Vector:
    """All of the left side, and what the right side has beyond it."""
    known = {matching.key(sample.labels) for sample in left}
    return [*left, *(sample for sample in right if matching.key(sample.labels) not in known)]


def without_name(labels: Labels) -> Labels:
    return Grouping().key(labels)


def written(labels: Labels) -> str:
    """Labels as Prometheus writes them."""
    pairs: Sequence[tuple[str, str]] = sorted(labels)
    return "{" + ", ".join(f'{name}="{value}"' for name, value in pairs) + "}"


def _several(side: str, labels: Labels) -> QueryError:
    return QueryError(
        f"several series on the {side} of an operator have the labels {written(labels)}"
    )
