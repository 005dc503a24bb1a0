"""A server on a virtual clock: its requests wait in parallel, and for one CPU in turn."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from app.request.concurrency_limit import ConcurrencyLimit, RouteLatency


@dataclass
class Work:
    """What each request of one route needs, in seconds; `jitter` varies it by that share.

    It waits for an `upstream`, then for something else.
    """

    upstream: float = 0.0
    wait: float = 0.0
    cpu: float = 0.0
    jitter: float = 0.0
    succeeds: bool = True
    deadline: float = 2.5
    latency: RouteLatency = field(default_factory=RouteLatency)


@dataclass
class Outcome:
    """What the clients of one period saw."""

    accepted: int = 0
    shed: int = 0
    in_time: int = 0
    slowest: float = 0.0


class SimulatedServer:
    """Requests arrive at fixed intervals, whether or not others have ended."""

    def __init__(self, limit: ConcurrencyLimit, *, seed: int = 1) -> None:
        self.limit = limit
        self.now = 0.0
        self.limits: list[int] = []
        """At each arrival of the latest period."""
        self._random = random.Random(seed)
        self._cpu_free_at = 0.0
        self._in_flight = 0
        self._number = 0
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def run(self, seconds: float, rate: float, *works: Work) -> Outcome:
        """Serve so many requests a second, of each work in turn."""
        outcome = Outcome()
        self.limits = []
        began, sent = self.now, 0
        while sent < seconds * rate:
            self._run_until(began + sent / rate)
            self._arrive(works[sent % len(works)], outcome)
            self.limits.append(self.limit.value)
            sent += 1
        self._run_until(began + seconds)
        return outcome

    def _arrive(self, work: Work, outcome: Outcome) -> None:
        if self._in_flight >= self.limit.value:
            outcome.shed += 1
            return
        self._in_flight += 1
        outcome.accepted += 1
        started = self.now
        varied = 1 + work.jitter * self._random.uniform(-1, 1)

        def compute() -> None:
            self._cpu_free_at = max(self._cpu_free_at, self.now) + work.cpu * varied
            self._at(self._cpu_free_at, end)

        def end() -> None:
            seconds = self.now - started
            self.limit.observe(
                work.latency,
                seconds,
                in_flight=self._in_flight,
                now=self.now,
                waited=work.upstream * varied,
                succeeded=work.succeeds,
                is_late=seconds > work.deadline,
            )
            self._in_flight -= 1
            outcome.in_time += work.succeeds and seconds <= work.deadline
            outcome.slowest = max(outcome.slowest, seconds)

        self._at(self.now + (work.upstream + work.wait) * varied, compute)

    def _at(self, moment: float, action: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (moment, self._number, action))

    def _run_until(self, moment: float) -> None:
        while self._events and self._events[0][0] <= moment:
            self.now, _, action = heapq.heappop(self._events)
            action()
        self.now = moment
