"""The concurrency limit of one replica: how many requests it works on at a time.

The limit follows the latency. At the end of each sampling window it becomes

    gradient = acceptable latency / measured latency, between 0.5 and 1
    limit = gradient * limit + sqrt(gradient * limit)

which is the rule of Envoy's gradient controller: what is too slow shrinks the limit in proportion,
and the root is the headroom by which it grows while the latency allows that
(https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/adaptive_concurrency_filter).
As in Netflix's `Gradient2Limit` (https://github.com/Netflix/concurrency-limits), latencies are
averaged, and a limit that is not used stays as it is: a quiet replica learns nothing about load.

Three things are our own. Routes differ: each is compared with what is acceptable for itself, so a
slow one among quick ones is no sign of load. And what is usual for a route is learnt whenever no
more than the minimum are worked on. Those are latencies without load, at any time of the day, and
also when the limit has fallen to the minimum and the latency has not followed: then it is the
work that has become slower, and the limit may rise again. A limit far too low doubles, as in TCP's
slow start, so that requests which wait for an upstream soon take nobody's place.

Nothing here waits or looks at a clock.
"""

import math

TARGET_LATENCY = 0.1
"""Seconds. A faster response is never too slow, however fast it usually is."""
TOLERANCE = 2.0
"""How many times its usual latency is acceptable for a route."""
MAX_SLOWNESS = 2.0
"""A request counts for no more, so few that hang cannot shrink the limit; gradient 0.5."""
FAR_BELOW = 0.5
"""The share of what is acceptable below which the limit doubles."""
WINDOW = 0.25
MIN_SAMPLES = 10
"""A sampling window is at least as long, in seconds, and has at least as many requests."""
LEARNING_RATE = 0.2
"""The weight of the latest window in what is usual."""


class RouteLatency:
    """What is acceptable for one route, and its latencies in this window."""

    __slots__ = ("_usual", "acceptable", "count", "total")

    def __init__(self) -> None:
        self.acceptable = TARGET_LATENCY
        self.count = 0
        self.total = 0.0
        self._usual: float | None = None

    def end_window(self, *, is_quiet: bool) -> None:
        """Learn what is usual from the mean of this window.

        Load makes nothing faster, so a lower latency is learnt at any load.
        """
        mean = self.total / self.count
        if is_quiet and self._usual is None:
            self._usual = mean
        if self._usual is not None and (is_quiet or mean < self._usual):
            self._usual += LEARNING_RATE * (mean - self._usual)
            self.acceptable = max(TARGET_LATENCY, TOLERANCE * self._usual)
        self.count = 0
        self.total = 0.0


class ConcurrencyLimit:
    """A limit between `minimum` and `maximum`. If they are equal, it is fixed.

    A maximum below the minimum replaces it, so that a small fixed limit is a single number.
    """

    _window_began: float
    _count: int
    _seconds: float
    _slowness: float
    _peak: int

    def __init__(self, *, minimum: int, initial: int, maximum: int) -> None:
        self.minimum = min(minimum, maximum)
        self.maximum = maximum
        self.mean_latency: float | None = None
        """Seconds, in the latest window."""
        self.peak_in_flight = 0
        """In the latest window, at the end of its requests."""
        self.has_grown = False
        """In the latest window."""
        self._limit = float(min(max(initial, self.minimum), maximum))
        self._routes: list[RouteLatency] = []
        self._begin_window()

    @classmethod
    def fixed(cls, limit: int) -> "ConcurrencyLimit":
        return cls(minimum=limit, initial=limit, maximum=limit)

    @property
    def value(self) -> int:
        return int(self._limit)

    def observe(
        self,
        route: RouteLatency,
        seconds: float,
        *,
        in_flight: int,
        now: float,
        waited: float = 0.0,
        succeeded: bool = True,
        is_late: bool = False,
    ) -> bool:
        """Take note of a request that had its slot for `seconds`; whether a window ends with it.

        Of them it `waited` for upstreams, which is no slowness of this replica. `in_flight` counts
        it, too. `is_late`: its deadline has passed, so what is usual does not matter, unless the
        caller left hardly any time. A failure counts only if it was slow: a quick one says nothing
        about load.
        """
        own = seconds - waited
        slowness = min(own / (TARGET_LATENCY if is_late else route.acceptable), MAX_SLOWNESS)
        if succeeded:
            if not route.count:
                self._routes.append(route)
            route.count += 1
            route.total += own
        elif slowness < 1.0:
            return False
        if not self._count:
            self._window_began = now
        self._count += 1
        self._seconds += seconds
        self._slowness += slowness
        if in_flight > self._peak:
            self._peak = in_flight
        if self._count < MIN_SAMPLES or now - self._window_began < WINDOW:
            return False
        self._end_window()
        return True

    def _begin_window(self) -> None:
        self._window_began = 0.0
        self._count = 0
        self._seconds = 0.0
        self._slowness = 0.0
        self._peak = 0

    def _next_limit(self, slowness: float) -> float:
        if slowness < FAR_BELOW:
            return 2 * self._limit
        reduced = self._limit / max(slowness, 1.0)
        return reduced + math.sqrt(reduced)

    def _end_window(self) -> None:
        before = self._limit
        if self._peak >= self._limit / 2:
            limit = self._next_limit(self._slowness / self._count)
            self._limit = min(max(limit, float(self.minimum)), float(self.maximum))
        self.has_grown = self._limit > before
        for route in self._routes:
            route.end_window(is_quiet=self._peak <= self.minimum)
        self._routes.clear()
        self.mean_latency = self._seconds / self._count
        self.peak_in_flight = self._peak
        self._begin_window()
