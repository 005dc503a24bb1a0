"""The figures of a load, second by second: what a view, a report or an expectation is made of.

`python -m loadtest --figures` prints them as JSON lines: a `Figures` each second and before each
change, then a `Total`.
"""

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from loadtest.generator import Generator
from loadtest.messages import INVALID_RESPONSE, Request, Response
from loadtest.statistics import LoadStatistics


@dataclass(frozen=True)
class Figures:
    """What happened in the `seconds` before `at` (seconds since the epoch).

    `due` are the requests that were to be sent, `missed` those of them that were not. `responses`
    are of any status, `failures` by kind. Quantiles are in seconds; None without any request.
    """

    at: float
    seconds: float
    due: int
    missed: int
    responses: int
    failures: Mapping[str, int]
    in_flight: int
    p50: float | None
    p95: float | None
    p99: float | None

    @property
    def asked(self) -> float:
        """Requests a second that were due."""
        return self.due / self.seconds

    @property
    def achieved(self) -> float:
        """Responses a second that are no failures."""
        failed = sum(
            number
            for kind, number in self.failures.items()
            if kind.isdigit() or kind == INVALID_RESPONSE
        )
        return (self.responses - failed) / self.seconds

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    @property
    def started_at(self) -> float:
        return self.at - self.seconds


def whole_seconds(figures: Sequence[Figures]) -> Sequence[Figures]:
    """Without a last one that is too short for a rate."""
    return figures[:-1] if len(figures) > 1 and figures[-1].seconds < 0.5 else figures


@dataclass(frozen=True)
class RouteFigures:
    """What became of the requests to one route, or of all together."""

    route: str
    sent: int
    failed: int
    p50: float | None
    p95: float | None
    p99: float | None

    @classmethod
    def of(cls, route: str, statistics: LoadStatistics) -> "RouteFigures":
        return cls(route, statistics.sent, statistics.failed, *_quantiles(statistics))


@dataclass(frozen=True)
class Total:
    """The whole load. In the quantiles a failed or missed request counts as the timeout.

    ``failures`` are by kind, ``rejections`` (4xx, which are responses) by status. ``unsettled`` is
    how many orders, carts and stocks of a recorded load could not be read to the end; None if it
    was ended before that.
    """

    started_at: float
    seconds: float
    sent: int
    missed: int
    failures: Mapping[str, int]
    rejections: Mapping[str, int]
    p50: float | None
    p95: float | None
    p99: float | None
    longest: float
    routes: Sequence[RouteFigures]
    unsettled: int | None = 0

    @property
    def failed(self) -> int:
        return sum(self.failures.values())


class Meter:
    """Measures a load: pass `record_response` and `record_missed` to its generator."""

    def __init__(self) -> None:
        self._started_at = time.time()
        self._started = self._since = time.monotonic()
        self._sent_before = 0
        self._interval = LoadStatistics()
        self._routes: defaultdict[str, LoadStatistics] = defaultdict(LoadStatistics)

    def record_response(self, request: Request, response: Response, seconds: float) -> None:
        self._interval.record_response(response, seconds)
        route = self._routes[f"{request.method} {request.name}"]
        route.sent += 1
        route.record_response(response, seconds)

    def record_missed(self, number: int) -> None:
        self._interval.record_missed(number)

    def next_figures(self, generator: Generator) -> Figures:
        """The figures since the last call."""
        now = time.monotonic()
        interval, self._interval = self._interval, LoadStatistics()
        seconds, self._since = max(now - self._since, 1e-3), now
        interval.sent = generator.statistics.sent - self._sent_before
        self._sent_before = generator.statistics.sent
        return Figures(
            self._started_at + now - self._started,
            seconds,
            interval.sent + interval.missed,
            interval.missed,
            interval.responses,
            dict(interval.failures),
            generator.in_flight,
            *_quantiles(interval),
        )

    def total(self, statistics: LoadStatistics, *, unsettled: int | None = 0) -> Total:
        return Total(
            self._started_at,
            self._since - self._started,
            statistics.sent,
            statistics.missed,
            dict(statistics.failures),
            statistics.rejections,
            *_quantiles(statistics),
            longest=statistics.durations.longest,
            routes=[RouteFigures.of(*route) for route in sorted(self._routes.items())],
            unsettled=unsettled,
        )


def to_line(figures: Figures | Total) -> str:
    """One line of JSON."""
    return json.dumps({"type": type(figures).__name__, **asdict(figures)})


def from_line(line: str | bytes) -> Figures | Total:
    """The figures of such a line."""
    values = json.loads(line)
    if values.pop("type") == Figures.__name__:
        return Figures(**values)
    routes = [RouteFigures(**route) for route in values.pop("routes")]
    return Total(**values, routes=routes)


def _quantiles(
    statistics: LoadStatistics,
) -> tuple[float | None, float | None, float | None]:
    return statistics.quantile(0.5), statistics.quantile(0.95), statistics.quantile(0.99)
