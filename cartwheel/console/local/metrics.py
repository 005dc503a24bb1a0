"""The traffic of the local run, from the `/metrics` of its replicas."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cartwheel.console.local.problems import ScrapeFailure
from cartwheel.local.replica_process import State
from cartwheel.local.run_state import RunState
from cartwheel.local.scraper import Scraper, Target
from cartwheel.mesh.queries import Name, mesh_queries
from cartwheel.mesh.traffic import Traffic, traffic_of
from cartwheel.promql import Query, QueryError, SampleStore, SeriesValue, parse_query

SCRAPE_TIMEOUT = 0.8
LOOKBACK = 30.0
MIN_FAILED = 2
"""Scrapes in a row. Once is a busy moment."""
SCRAPED_STATES = (State.READY, State.NOT_READY)


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
        self._failures: Mapping[str, ScrapeFailure] = {}
        self._counts: Mapping[str, int] = {}
        self._scraped_at: deque[float] = deque(maxlen=SCRAPES_IN_WINDOW)

    async def scrape(self, run: RunState | None) -> None:
        """Scrape all replicas that can respond."""
        self._scraped_at.append(self._now())
        targets = _targets_of(run) if run else []
        await self._scraper.scrape(targets)
        self._count_failures(targets)

    async def scrape_new(self, run: RunState | None) -> None:
        """Scrape those that were never scraped: a rate misses what was counted before that."""
        await self._scraper.scrape_new(_targets_of(run) if run else [])

    def _count_failures(self, targets: Sequence[Target]) -> None:
        at, before = self._now(), self._failures
        self._failures = {
            one.name: ScrapeFailure(
                one.labels["service"],
                one.name,
                before[one.name].since if one.name in before else at,
                self._scraper.failures[one.name],
            )
            for one in targets
            if one.name in self._scraper.failures
        }
        self._counts = {name: self._counts.get(name, 0) + 1 for name in self._failures}

    def traffic(self) -> Traffic:
        """That of the last seconds; of more of them if the last scrapes were far apart."""
        at, sampling = self._now(), self._sampling
        results = {
            name: self._evaluate(query, at) for name, query in self._queries[sampling].items()
        }
        return traffic_of(results, window=sampling.window)

    @property
    def _sampling(self) -> Sampling:
        """That at which the last scrapes came, late ones too."""
        if len(self._scraped_at) < SCRAPES_IN_WINDOW:
            return self._watched
        passed = self._now() - self._scraped_at[0]
        return self._watched if passed < self._watched.window else self._unwatched

    @property
    def failures(self) -> Sequence[ScrapeFailure]:
        """Of replicas whose last scrapes failed, more than one in a row."""
        return [one for name, one in self._failures.items() if self._counts[name] >= MIN_FAILED]

    def _evaluate(self, query: Query, at: float) -> list[SeriesValue]:
        try:
            return list(query.evaluate(self._store, at))
        except QueryError:  # of values that do not match, as while a replica comes
            return []


def _targets_of(run: RunState) -> list[Target]:
    """One that starts or restarts has nothing to scrape yet; one that drains closes its port."""
    return [
        Target(one.name, {"service": service.name, "instance": one.name}, one.port)
        for service in run.services
        for one in service.replicas
        if one.state in SCRAPED_STATES
    ]
