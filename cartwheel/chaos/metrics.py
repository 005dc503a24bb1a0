"""The metrics of all replicas of a shop, scraped again and again, as Prometheus would."""

import time
from collections.abc import Sequence

from cartwheel.chaos.shop import Status
from cartwheel.local.scraper import Scraper, Target
from cartwheel.promql import Query, QueryError, SampleStore, SeriesValue

SCRAPE_TIMEOUT = 0.5
SCRAPE_INTERVAL = 0.4


class ReplicaMetrics:
    """Samples of the metrics that some queries need. Targets are labelled `service`, `instance`."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self._store = SampleStore(
            {name for query in queries for name in query.metric_names},
            longest_range=max(query.longest_range for query in queries),
        )
        self._scraper = Scraper(self._store, timeout=SCRAPE_TIMEOUT)

    async def scrape(self, status: Status) -> None:
        """Scrape all replicas at once. One without a port, as while it restarts, is down."""
        await self._scraper.scrape(_targets_of(status))

    def value(self, query: Query) -> float | None:
        """The one number that a query results in now; None if it has no result."""
        found = self.evaluate(query)
        return found[0].value if found else None

    def evaluate(self, query: Query) -> Sequence[SeriesValue]:
        """All series that a query results in now."""
        try:
            return query.evaluate(self._store, time.time())
        except QueryError:  # of values that do not match, as while a replica comes
            return []


def _targets_of(status: Status) -> list[Target]:
    return [
        Target(
            replica["replica"],
            {"service": service["service"], "instance": replica["replica"]},
            replica["port"],
        )
        for service in status["services"]
        for replica in service["replicas"]
    ]
