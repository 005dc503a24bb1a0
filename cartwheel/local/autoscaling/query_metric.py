"""The query of a KEDA trigger of type prometheus.

Source: `ExecutePromQuery` in kedacore/keda `pkg/scalers/prometheus_scaler.go`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cartwheel.autoscaling.observation import Reading, Unavailable, Values
from cartwheel.promql import Query, QueryError, SampleStore, parse_query


@dataclass(frozen=True)
class QueryMetric:
    """A query whose result is one number. ``ignores_null`` takes an empty result as 0."""

    query: Query
    ignores_null: bool

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> "QueryMetric":
        """The metric of a trigger's metadata. Raises `QueryError`."""
        return cls(
            parse_query(metadata.get("query", "")),
            ignores_null=metadata.get("ignoreNullValues", "true") != "false",
        )

    @property
    def unit(self) -> str | None:
        """The unit of the result, if its metrics tell."""
        counts_requests = all("_requests_" in name for name in self.query.metric_names)
        return "requests/s" if counts_requests and "rate(" in self.query.text else None

    def reading(self, store: SampleStore, at: float) -> Reading:
        """The result at that time, as the adapter reports it."""
        try:
            result = self.query.evaluate(store, at)
        except QueryError as error:
            return Unavailable(f"the query failed: {error}")
        if len(result) > 1:
            return Unavailable(f"the query returned {len(result)} series instead of one")
        value = result[0].value if result else math.nan
        if math.isfinite(value):
            return Values([int(value * 1000)])
        if self.ignores_null:
            return Values([0])
        found = f"returned {value}" if result else "returned nothing"
        return Unavailable(f"the query {found}")
