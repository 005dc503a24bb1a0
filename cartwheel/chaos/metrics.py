"""The metrics of all replicas of a shop, scraped again and again, as Prometheus would."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence

from cartwheel.chaos.shop import Status
from cartwheel.local.autoscaling.scraper import ScrapeError, scrape
from cartwheel.promql import Query, QueryError, SampleStore, SeriesValue

SCRAPE_TIMEOUT = 0.5


class ReplicaMetrics:
    """Samples of the metrics that some queries need. Targets are labelled `service`, `instance`."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self._store = SampleStore(
            {name for query in queries for name in query.metric_names},
            longest_range=max(query.longest_range for query in queries),
        )
        self._targets: dict[str, Mapping[str, str]] = {}

    async def scrape(self, status: Status) -> None:
        """Scrape all replicas at once. One without a port, as while it restarts, is down."""
        replicas = list(_replicas_of(status))
        for name in self._targets.keys() - {name for name, _, _ in replicas}:
            self._store.remove_target(self._targets.pop(name), time.time())
        await asyncio.gather(*(self._scrape(*replica) for replica in replicas))

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

    async def _scrape(self, name: str, service: str, port: int | None) -> None:
        target = self._targets.setdefault(name, {"service": service, "instance": name})
        at = time.time()
        try:
            if port is None:
                raise ScrapeError("has no port")
            self._store.add_scrape(target, at, await scrape(port, timeout=SCRAPE_TIMEOUT))
        except (ScrapeError, QueryError):
            self._store.add_failed_scrape(target, at)


def _replicas_of(status: Status) -> Iterable[tuple[str, str, int | None]]:
    for service in status["services"]:
        for replica in service["replicas"]:
            yield replica["replica"], service["service"], replica["port"]
