"""Admission control: how many requests are worked on, how many wait, and which ones are shed.

A replica that accepts everything answers nothing in time. So it has a bounded number of slots and
a bounded queue with a bounded wait. Under load it sheds low priority before normal and normal
before high, in the slots as well as in the queue.
"""

import asyncio
from collections import deque
from enum import IntEnum

from app.errors import Unavailable
from app.telemetry.metrics import Metrics, ShedReason


class Priority(IntEnum):
    """How important it is that a request is not shed."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


SHARES = {Priority.LOW: 0.75, Priority.NORMAL: 0.9, Priority.HIGH: 1.0}
"""The share of the slots that a priority may fill: the last ones are kept for higher ones."""


class Overloaded(Unavailable):
    type = "overloaded"
    title = "Too busy"


class AdmissionControl:
    """The slots and the queue of one replica. Belongs to one event loop.

    `limit` requests are worked on, `max_queued` wait for at most `queue_timeout` seconds.
    """

    def __init__(
        self, metrics: Metrics, *, limit: int, max_queued: int, queue_timeout: float
    ) -> None:
        self._slots = [max(1, int(limit * SHARES[priority])) for priority in Priority]
        self._max_queued = max_queued
        self._queue_timeout = queue_timeout
        self._in_flight = 0
        self._queues: dict[Priority, deque[asyncio.Future[None]]] = {
            priority: deque() for priority in reversed(Priority)
        }
        self._queued = 0
        self._shed = metrics.requests_shed

    def try_acquire(self, priority: Priority) -> bool:
        """Take a slot if one is free for this priority and nobody waits."""
        if self._in_flight >= self._slots[priority] or self._queued:
            return False
        self._in_flight += 1
        return True

    async def acquire(self, priority: Priority, *, timeout: float) -> None:
        """Take a slot, waiting for at most `timeout` seconds; `release` gives it back.

        Raises Overloaded, at once if the queue is full.
        """
        if self.try_acquire(priority):
            return
        if self._queued >= self._max_queued and not self._displace_below(priority):
            raise self._overloaded("queue_full")
        await self._wait(priority, min(timeout, self._queue_timeout))

    def release(self) -> None:
        """Give a slot back: to the highest priority that waits, and there to the oldest."""
        self._in_flight -= 1
        if self._queued:
            self._assign_slots()

    async def _wait(self, priority: Priority, timeout: float) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues[priority].append(waiter)
        self._queued += 1
        self._assign_slots()
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except BaseException as error:
            self._abandon(priority, waiter)
            if isinstance(error, TimeoutError):
                raise self._overloaded("queue_timeout") from None
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
                    waiter.set_result(None)

    def _displace_below(self, priority: Priority) -> bool:
        """Shed the newest waiter of the lowest priority, if that is lower than `priority`."""
        for lower in Priority:
            if lower >= priority:
                return False
            if self._queues[lower]:
                waiter = self._queues[lower].pop()
                self._queued -= 1
                if not waiter.done():
                    waiter.set_exception(self._overloaded("displaced"))
                return True
        return False

    def _overloaded(self, reason: ShedReason) -> Overloaded:
        self._shed.labels(reason).inc()
        return Overloaded("This replica has all the work it can do in time. Try again.")


class Slot:
    """A slot that was acquired, given back once: when an event stream begins, or at the end."""

    __slots__ = ("_admission",)

    def __init__(self, admission: AdmissionControl) -> None:
        self._admission: AdmissionControl | None = admission

    def release(self) -> None:
        if self._admission is not None:
            self._admission.release()
            self._admission = None
