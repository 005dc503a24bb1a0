"""The traffic of the local run, from the `/metrics` of its replicas."""

import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from cartwheel.console.local.problems import ScrapeFailure
from cartwheel.local.replica_process import SCRAPED_STATES
from cartwheel.local.run_state import RunState
from cartwheel.local.scraper import Scraper, Target
from cartwheel.mesh.queries import Name, mesh_queries
from cartwheel.mesh.traffic import Traffic, traffic_of
from cartwheel.promql import Query, QueryError, SampleStore, SeriesValue, parse_query
from cartwheel.promql.expressions import Samples
from cartwheel.promql.series import Series

SCRAPE_TIMEOUT = 0.8
LOOKBACK = 30.0
MIN_FAILED = 2
"""Scrapes in a row. Once is a busy moment."""


@dataclass(frozen=True)
class Sampling:
    """``interval``: seconds between two scrapes; rates are over a ``window`` of seconds.

    A window of two and a half intervals holds three scrapes, even if one is a little late. A
    replica is serving if it received a request in twice that time.
    """

    interval: float

    @property
    def window(self) -> float:
        return 2.5 * self.interval

    @property
    def queries(self) -> Mapping[Name, Query]:
        window = round(self.window * 1000)
        texts = mesh_queries(f"{window}ms", serving=f"{2 * window}ms")
        return {name: parse_query(text) for name, text in texts.items()}


# Watched: a change of the load shows in full after two seconds.
WATCHED, UNWATCHED = Sampling(1.0), Sampling(5.0)
SCRAPES_IN_WINDOW = 3


class RunMetrics:
    """Scrapes the replicas of a run, and computes their traffic."""

    def __init__(
        self,
        *,
        watched: Sampling = WATCHED,
        unwatched: Sampling = UNWATCHED,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._watched, self._unwatched = watched, unwatched
        self._queries = {sampling: sampling.queries for sampling in (watched, unwatched)}
        queries = [query for by_name in self._queries.values() for query in by_name.values()]
        self._store = SampleStore(
            {name for query in queries for name in query.metric_names},
            longest_range=max(query.longest_range for query in queries),
            lookback=LOOKBACK,
        )
        self._now = now
        self._scraper = Scraper(self._store, timeout=SCRAPE_TIMEOUT, now=now)
        self.failures: Mapping[str, ScrapeFailure] = {}
        """Of replicas whose last scrape failed, by their names."""
        self._counts: Mapping[str, int] = {}
        self._scraped_at: deque[float] = deque(maxlen=SCRAPES_IN_WINDOW)

    async def scrape(self, run: RunState | None) -> None:
        """Scrape all replicas that can respond."""
        targets = _targets_of(run) if run else []
        await self._scraper.scrape(targets)
        self._scraped_at.append(self._scraper.scraped_at)
        self._count_failures(targets)

    async def scrape_new(self, run: RunState | None) -> None:
        """Scrape those that were never scraped: a rate misses what was counted before that."""
        await self._scraper.scrape_new(_targets_of(run) if run else [])

    def _count_failures(self, targets: Sequence[Target]) -> None:
        at, before = self._scraper.scraped_at, self.failures
        self.failures = {
            one.name: ScrapeFailure(
                one.labels["service"],
                one.name,
                before[one.name].since if one.name in before else at,
                self._scraper.failures[one.name],
            )
            for one in targets
            if one.name in self._scraper.failures
        }
        self._counts = {name: self._counts.get(name, 0) + 1 for name in self.failures}

    def traffic(self) -> Traffic:
        """That of the last seconds; of more of them if the last scrapes were far apart.

        Without replicas whose last scrape failed: what they do now is not known.
        """
        sampling = self._sampling
        samples = _SamplesWithout(self.failures, self._store) if self.failures else self._store
        results = {
            name: self._evaluate(query, samples) for name, query in self._queries[sampling].items()
        }
        return traffic_of(results, window=sampling.window)

    @property
    def _sampling(self) -> Sampling:
        """That at which the last scrapes began, late ones too.

        When the last one ended says nothing: a replica that hangs delays it by the timeout.
        """
        if len(self._scraped_at) < SCRAPES_IN_WINDOW:
            return self._watched
        passed = self._scraped_at[-1] - self._scraped_at[0]
        return self._watched if passed < self._watched.window else self._unwatched

    @property
    def lasting_failures(self) -> Sequence[ScrapeFailure]:
        """Of replicas whose last scrapes failed, more than one in a row."""
        return [one for name, one in self.failures.items() if self._counts[name] >= MIN_FAILED]

    def _evaluate(self, query: Query, samples: Samples) -> list[SeriesValue]:
        try:
            return list(query.evaluate(samples, self._scraper.scraped_at))
        except QueryError:  # of values that do not match, as while a replica comes
            return []


class _SamplesWithout:
    """All samples but those of some replicas.

    A rate is extrapolated to the end of its window, also for a replica that ceased to respond.
    """

    def __init__(self, replicas: Collection[str], store: SampleStore) -> None:
        self._left_out = {("instance", name) for name in replicas}
        self._store = store

    def series(self, name: str) -> Sequence[Series]:
        return [one for one in self._store.series(name) if self._left_out.isdisjoint(one.labels)]


def _targets_of(run: RunState) -> list[Target]:
    return [
        Target(one.name, {"service": service.name, "instance": one.name}, one.port)
        for service in run.services
        for one in service.replicas
        if one.state in SCRAPED_STATES
    ]
