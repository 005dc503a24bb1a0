"""Admission control: how many requests are worked on, how many wait, and which ones are shed.

A replica that accepts everything answers nothing in time. So it has as many slots as its
concurrency limit says, and lets only so many requests wait for one as get it in time: the others
are shed at once, so that their callers may try elsewhere. Under load it sheds low priority before
normal and normal before high, in the slots as well as in the queue.
"""

import asyncio
import math
import time
from collections import deque
from enum import IntEnum
from typing import get_args

from app.errors import Unavailable
from app.request.concurrency_limit import ConcurrencyLimit, RouteLatency
from app.settings import ServiceSettings
from app.telemetry.context import RequestContext
from app.telemetry.metrics import Metrics, ShedReason


class Priority(IntEnum):
    """How important it is that a request is not shed."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


SHARES = {Priority.LOW: 0.6, Priority.NORMAL: 0.75, Priority.HIGH: 1.0}
"""The share of the slots that a priority may fill: the last ones are kept for higher ones."""
INITIAL_LIMIT = 32
"""Requests in flight before anything is known about latencies."""
ACCEPTED_WAIT = 0.25
"""Seconds that a request may be expected to wait in a lasting overload.

A burst ends by itself: there each may wait for the whole timeout.
"""


class Overloaded(Unavailable):
    type = "overloaded"
    title = "Too busy"

    def __init__(self) -> None:
        super().__init__("This replica has all the work it can do in time. Try again.")


class AdmissionControl:
    """The slots and the queue of one replica. Belongs to one event loop.

    At most `max_queued` requests wait, each for at most `queue_timeout` seconds.
    """

    def __init__(
        self, metrics: Metrics, *, limit: ConcurrencyLimit, max_queued: int, queue_timeout: float
    ) -> None:
        self._limit = limit
        self._max_queued = max_queued
        self._queue_timeout = queue_timeout
        self._in_flight = 0
        self._queues: dict[Priority, deque[asyncio.Future[None]]] = {
            priority: deque() for priority in reversed(Priority)
        }
        self._queued = 0
        self._granted = [0 for _ in Priority]
        self._has_queued = False
        self._was_empty = True
        self._is_overload = False
        self.lag = 0.0
        """Of the event loop, in seconds, as it was measured last."""
        self._slots = self._shares_of_limit()
        self._max_ahead = self._lengths_in_time()
        self._shed = {
            (priority, reason): metrics.requests_shed.labels(priority.name.lower(), reason)
            for priority in Priority
            for reason in get_args(ShedReason)
        }
        metrics.concurrency_limit.set_function(lambda: self._limit.value)
        metrics.slots_in_use.set_function(lambda: self._in_flight)
        metrics.requests_queued.set_function(lambda: self._queued)

    @classmethod
    def of(cls, settings: ServiceSettings, metrics: Metrics) -> "AdmissionControl":
        """With the limits of the settings."""
        limit = ConcurrencyLimit(
            minimum=settings.min_in_flight, initial=INITIAL_LIMIT, maximum=settings.max_in_flight
        )
        return cls(
            metrics,
            limit=limit,
            max_queued=settings.max_queued,
            queue_timeout=settings.queue_timeout,
        )

    @property
    def is_busy(self) -> bool:
        """Whether a request of some priority would have to wait now, or be shed."""
        return self._queued > 0 or self._in_flight >= self._slots[Priority.LOW]

    def try_shed(self, priority: Priority) -> bool:
        """Whether a request that arrives now is shed at once; if so, it is counted."""
        if self._has_slot(priority) or self._has_room(priority):
            return False
        self._shed[priority, "queue_full"].inc()
        return True

    def try_acquire(self, priority: Priority) -> bool:
        """Take a slot if one is free for this priority and nobody waits."""
        if not self._has_slot(priority):
            return False
        self._in_flight += 1
        self._granted[priority] += 1
        return True

    async def acquire(self, priority: Priority, *, timeout: float) -> None:
        """Take a slot, waiting for at most `timeout` seconds; `release` gives it back.

        Raises Overloaded, at once if a slot cannot be expected in time.
        """
        if self.try_acquire(priority):
            return
        if self.try_shed(priority):
            raise Overloaded
        if self._queued >= self._max_queued:
            self._displace_below(priority)
        await self._wait(priority, min(timeout, self._queue_timeout))

    def release(self) -> None:
        """Give a slot back: to the highest priority that waits, and there to the oldest."""
        self._in_flight -= 1
        if self._queued:
            self._assign_slots()
        elif self._is_overload and not self._in_flight:
            self._end_overload()

    def observe_lag(self, seconds: float) -> None:
        """Take note of the lag of the event loop, which is no wait for an upstream."""
        self.lag = seconds

    def observe(
        self,
        route: RouteLatency,
        seconds: float,
        *,
        now: float,
        waited: float = 0.0,
        succeeded: bool,
        is_late: bool,
    ) -> None:
        """Take note of the latency of a request that is about to give its slot back."""
        has_window_ended = self._limit.observe(
            route,
            seconds,
            in_flight=self._in_flight,
            now=now,
            waited=waited,
            succeeded=succeeded,
            is_late=is_late,
        )
        if has_window_ended:
            self._end_window()

    def _end_window(self) -> None:
        """Decide anew who is let in.

        An overload begins with a window in which requests always wait and the limit does not grow,
        and ends with one in which none waits.
        """
        if not self._has_queued:
            self._is_overload = False
        elif not self._was_empty and not self._limit.has_grown:
            self._is_overload = True
        self._slots = self._shares_of_limit()
        self._max_ahead = self._lengths_in_time()
        self._granted = [0 for _ in Priority]
        self._has_queued = self._queued > 0
        self._was_empty = not self._queued

    def _end_overload(self) -> None:
        """There is no work left, so no window would end and show it."""
        self._is_overload = False
        self._max_ahead = self._lengths_in_time()

    def _shares_of_limit(self) -> list[int]:
        return [max(1, int(self._limit.value * SHARES[priority])) for priority in Priority]

    def _lengths_in_time(self) -> list[int]:
        """How many requests may be ahead of one that still gets its slot in time, by priority.

        By Little's law, slots become free at the rate of those in use over their latency. A
        priority gets what the higher ones leave.
        """
        latency, granted = self._limit.mean_latency, sum(self._granted)
        if not (self._is_overload and latency and granted):
            return [self._max_queued for _ in Priority]
        accepted = ACCEPTED_WAIT * self._limit.peak_in_flight / latency
        shares = [sum(self._granted[: priority + 1]) / granted for priority in Priority]
        return [min(self._max_queued, math.ceil(accepted * share)) for share in shares]

    def _has_slot(self, priority: Priority) -> bool:
        return self._in_flight < self._slots[priority] and not self._queued

    def _has_room(self, priority: Priority) -> bool:
        """Whether a request may wait, perhaps instead of one of a lower priority."""
        ahead = 0
        for other, queue in self._queues.items():
            if other >= priority:
                ahead += len(queue)
        if ahead >= self._max_ahead[priority]:
            return False
        return self._queued < self._max_queued or ahead < self._queued

    async def _wait(self, priority: Priority, timeout: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues[priority].append(waiter)
        self._queued += 1
        self._has_queued = True
        self._assign_slots()
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except BaseException as error:
            self._abandon(priority, waiter)
            if isinstance(error, TimeoutError):
                raise self._overloaded(priority, "queue_timeout") from None
            raise

    def _abandon(self, priority: Priority, waiter: asyncio.Future[None]) -> None:
        if waiter in self._queues[priority]:
            self._queues[priority].remove(waiter)
            self._queued -= 1
        elif waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            self.release()  # it got a slot in the moment it stopped waiting

    def _assign_slots(self) -> None:
        for priority, queue in self._queues.items():
            while queue and self._in_flight < self._slots[priority]:
                waiter = queue.popleft()
                self._queued -= 1
                if not waiter.done():
                    self._in_flight += 1
                    self._granted[priority] += 1
                    waiter.set_result(None)
        if not self._queued:
            self._was_empty = True

    def _displace_below(self, priority: Priority) -> None:
        """Shed the newest waiter of the lowest priority, which is lower than `priority`."""
        lower = next(lower for lower in Priority if lower < priority and self._queues[lower])
        waiter = self._queues[lower].pop()
        self._queued -= 1
        if not waiter.done():
            waiter.set_exception(self._overloaded(lower, "displaced"))

    def _overloaded(self, priority: Priority, reason: ShedReason) -> Overloaded:
        self._shed[priority, reason].inc()
        return Overloaded()


class Slot:
    """A slot that was acquired, given back once: when an event stream begins, or at the end."""

    __slots__ = ("_admission", "_context", "_route", "_started")

    def __init__(
        self, admission: AdmissionControl, route: RouteLatency, context: RequestContext
    ) -> None:
        self._admission: AdmissionControl | None = admission
        self._route = route
        self._context = context
        self._started = time.monotonic()

    def release(self, *, succeeded: bool) -> None:
        """Give the slot back, and report how long it was used."""
        admission = self._admission
        if admission is None:
            return
        self._admission = None
        now = time.monotonic()
        deadline = self._context.deadline
        admission.observe(
            self._route,
            now - self._started,
            now=now,
            waited=self._context.seconds_waited(now, lag=admission.lag),
            succeeded=succeeded,
            is_late=deadline is not None and now > deadline.at,
        )
        admission.release()
