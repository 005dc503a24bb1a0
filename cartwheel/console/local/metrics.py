"""The traffic of the local run, from the `/metrics` of its replicas."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cartwheel.local.replica_process import State
from cartwheel.local.run_state import RunState
from cartwheel.local.scraper import Scraper, Target
from cartwheel.mesh.queries import Name, mesh_queries
from cartwheel.mesh.traffic import Traffic, traffic_of
from cartwheel.promql import Query, QueryError, SampleStore, SeriesValue, parse_query

SCRAPE_TIMEOUT = 0.5
LOOKBACK = 30.0
SCRAPED_STATES = (State.READY, State.NOT_READY)


@dataclass(frozen=True)
class Pace:
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
WATCHED, UNWATCHED = Pace(1.0), Pace(5.0)
SCRAPES_IN_WINDOW = 3


class RunMetrics:
    """Scrapes the replicas of a run, and computes their traffic."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._queries = {pace: pace.queries for pace in (WATCHED, UNWATCHED)}
        queries = [query for by_name in self._queries.values() for query in by_name.values()]
        self._store = SampleStore(
            {name for query in queries for name in query.metric_names},
            longest_range=max(query.longest_range for query in queries),
            lookback=LOOKBACK,
        )
        self._now = now
        self._scraper = Scraper(self._store, timeout=SCRAPE_TIMEOUT, now=now)
        self._scraped_at: deque[float] = deque(maxlen=SCRAPES_IN_WINDOW)

    async def scrape(self, run: RunState | None) -> None:
        """Scrape all replicas that can respond."""
        self._scraped_at.append(self._now())
        await self._scraper.scrape(_targets_of(run) if run else [])

    def traffic(self) -> Traffic:
        """That of the last seconds; of more of them if the last scrapes were far apart."""
        at, pace = self._now(), self._pace
        results = {name: self._evaluate(query, at) for name, query in self._queries[pace].items()}
        return traffic_of(results, window=pace.window)

    @property
    def _pace(self) -> Pace:
        if len(self._scraped_at) < SCRAPES_IN_WINDOW:
            return WATCHED
        return WATCHED if self._now() - self._scraped_at[0] < WATCHED.window else UNWATCHED

    @property
    def failures(self) -> Mapping[str, str]:
        """Why the last scrape of a replica failed, by its name."""
        return self._scraper.failures

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
