"""A query that is evaluated again and again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass

from cartwheel.promql.compiler import compile_query
from cartwheel.promql.expressions import RangeCall, Samples, Selector, VectorExpression


@dataclass(frozen=True)
class SeriesValue:
    """One element of the result."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Query:
    """An instant query."""

    text: str
    metric_names: frozenset[str]
    longest_range: float
    """Seconds; 0 if the query has no range."""
    _expression: VectorExpression

    def evaluate(self, samples: Samples, at: float) -> Sequence[SeriesValue]:
        """The value of each series of the result at that time. Raises `QueryError`."""
        result = self._expression.evaluate(samples, round(at * 1000))
        return [SeriesValue(dict(sorted(labels)), value) for labels, value in result]


def parse_query(text: str) -> Query:
    """Read a query. Raises `QueryError` if it uses anything outside the supported subset."""
    expression = compile_query(text)
    parts = list(_parts(expression))
    return Query(
        text,
        frozenset(part.name for part in parts if isinstance(part, Selector)),
        max((part.length / 1000 for part in parts if isinstance(part, RangeCall)), default=0.0),
        expression,
    )


def _parts(expression: object) -> Iterator[object]:
    yield expression
    if is_dataclass(expression):
        for field in fields(expression):
            yield from _parts(getattr(expression, field.name))
