"""A subset of PromQL over samples that are scraped here.

    query = parse_query('sum(rate(http_requests_received_total{service="cart"}[4s]))')
    store = SampleStore(query.metric_names, longest_range=query.longest_range)
    store.add_scrape({"instance": "cart-1"}, at, exposition)
    query.evaluate(store, at)

Supported: selectors of one metric by name with `=`, `!=`, `=~`, `!~`; `rate`, `irate` and
`increase` of a range; `sum`, `avg`, `min`, `max` and `count` with `by` or `without`; `+ - * / % ^`
between numbers, vectors and numbers, and vectors that match one to one (`on`, `ignoring`); `or`
between vectors; `vector(number)`; parentheses. `parse_query` refuses everything else by name.

The rules are those of Prometheus 3: extrapolation, counter resets, ranges without their start,
selectors that look back 5 minutes, series that become stale when a scrape lacks them or fails.
"""

from cartwheel.promql.errors import QueryError
from cartwheel.promql.query import Query, SeriesValue, parse_query
from cartwheel.promql.store import SampleStore

__all__ = ["Query", "QueryError", "SampleStore", "SeriesValue", "parse_query"]
