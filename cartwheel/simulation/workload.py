"""The modelled workload: replicas that start and serve what they can.

A fluid model: requests are a rate, not single events, and the ready replicas share them evenly.
Between two moments at which something changes every quantity is a straight line, so the model goes
from one such moment to the next.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass

from cartwheel.errors import UsageError
from cartwheel.simulation.assumptions import Assumptions
from cartwheel.simulation.load_shape import LoadShape

# Replicas that are there at the start have long been ready, also in the oldest sample.
READY_BEFORE_START = 3600.0
MAX_REPLICAS = 10_000


@dataclass(frozen=True)
class Replica:
    name: str
    started_at: float
    ready_at: float


@dataclass(frozen=True)
class Overload:
    """A time in which more arrived than the ready replicas could serve, or requests waited."""

    start: float
    end: float


class Workload:
    """The replicas under a load: `advance` moves the time, `scale` changes the count.

    Totals since the start, in requests: ``served``; ``capacity``, what the ready replicas could
    have served; ``over_capacity``, what arrived beyond that; ``shed``, the part of these that did
    not wait. In seconds: ``lost`` in overload; ``replica_seconds``.
    """

    def __init__(self, shape: LoadShape, assumptions: Assumptions, *, replicas: int) -> None:
        self.shape = shape
        self.now = shape.start
        self.served = self.capacity = self.over_capacity = self.shed = 0.0
        self.lost = self.replica_seconds = 0.0
        self.waiting = 0.0
        self.overloads: list[Overload] = []
        self.counts: list[tuple[float, int]] = [(self.now, replicas)]
        self.ready_counts: list[tuple[float, int]] = [(self.now, replicas)]
        self.ready = replicas
        self._assumptions = assumptions
        self._created = 0
        oldest_sample = assumptions.delay + 2 * assumptions.resolution + assumptions.window
        ready_at = self.now - READY_BEFORE_START - oldest_sample
        _check_count(replicas)
        self.replicas = [self._create(ready_at, ready_at) for _ in range(replicas)]
        self._next_ready = math.inf
        self._overload_start: float | None = None
        # How much a replica that is always ready has served, as a line with knots.
        self._knots, self._values = [self.now], [0.0]
        share = min(shape.rates[0], replicas * assumptions.capacity) / replicas if replicas else 0.0
        self._share, self._share_before = share, share

    def advance(self, until: float) -> None:
        """Serve until a time."""
        while self.now < until:
            rate, holds_until = self.shape.rate_at(self.now)
            self._serve(rate, min(until, holds_until, self._next_ready))
            if self.now >= self._next_ready:
                self._count_ready()

    def scale(self, count: int) -> None:
        """Have so many replicas: new ones start now, the youngest are removed first, at once.

        Raises `UsageError` for more than the model takes.
        """
        if count == len(self.replicas):
            return
        _check_count(count)
        del self.replicas[count:]
        ready_at = self.now + self._assumptions.start
        self.replicas += [
            self._create(self.now, ready_at) for _ in range(count - len(self.replicas))
        ]
        self.counts.append((self.now, count))
        self._count_ready()

    def served_by_replica(self, start: float, end: float) -> float:
        """How many requests a replica has served that was ready all that time."""
        return self._served_until(end) - self._served_until(start)

    def finish(self) -> None:
        """Close an overload that still lasts."""
        self._end_overload()

    def _create(self, started_at: float, ready_at: float) -> Replica:
        self._created += 1
        return Replica(f"replica-{self._created}", started_at, ready_at)

    def _count_ready(self) -> None:
        """The replicas are in the order in which they get ready."""
        waiting = [one.ready_at for one in self.replicas if one.ready_at > self.now]
        self._next_ready = waiting[0] if waiting else math.inf
        ready = len(self.replicas) - len(waiting)
        if ready != self.ready:
            self.ready = ready
            self.ready_counts.append((self.now, ready))

    def _serve(self, rate: float, until: float) -> None:
        capacity = self.ready * self._assumptions.capacity
        if rate <= capacity and not self.waiting:
            served = rate
            if self._overload_start is not None:
                self._end_overload()
        else:
            served = capacity
            until = self._queue(rate - capacity, capacity * self._assumptions.queue, until)
        seconds = until - self.now
        self.served += served * seconds
        self.capacity += capacity * seconds
        self.replica_seconds += len(self.replicas) * seconds
        share = served / self.ready if self.ready else 0.0
        if share != self._share:
            self._values.append(self._served_until(self.now))
            self._knots.append(self.now)
            self._share = share
        self.now = until

    def _queue(self, excess: float, limit: float, until: float) -> float:
        """Let requests wait or shed them; returns until when that is a straight line."""
        if self._overload_start is None:
            self._overload_start = self.now
        if self.waiting > limit:  # replicas were removed
            self.shed += self.waiting - limit
            self.waiting = limit
        seconds = until - self.now
        if excess > 0 and self.waiting >= limit:
            self.shed += excess * seconds
        elif excess > 0 and self.waiting + excess * seconds >= limit:
            until = self.now + (limit - self.waiting) / excess
            self.waiting = limit
        elif excess < 0 and self.waiting + excess * seconds <= 0:
            until = self.now - self.waiting / excess
            self.waiting = 0.0
        else:
            self.waiting += excess * seconds
        seconds = until - self.now
        self.lost += seconds
        self.over_capacity += max(excess, 0.0) * seconds
        return until

    def _end_overload(self) -> None:
        if self._overload_start is not None:
            self.overloads.append(Overload(self._overload_start, self.now))
            self._overload_start = None

    def _served_until(self, at: float) -> float:
        index = bisect_right(self._knots, at) - 1
        if index < 0:
            return self._share_before * (at - self._knots[0])
        if index == len(self._knots) - 1:
            return self._values[-1] + self._share * (at - self._knots[-1])
        before, after = self._knots[index], self._knots[index + 1]
        grown = (self._values[index + 1] - self._values[index]) / (after - before)
        return self._values[index] + grown * (at - before)


def _check_count(replicas: int) -> None:
    if replicas > MAX_REPLICAS:
        raise UsageError(f"The model takes at most {MAX_REPLICAS:,} replicas, not {replicas:,}.")
