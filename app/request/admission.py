"""Admission: how much is worked on at once, who waits, and who is sent away first.

A replica that takes everything answers nobody in time. So there is a bounded number of slots, a
bounded queue with a bounded wait, and an order: when it gets tight, low priority is refused
before normal and normal before high, in slots as well as in the queue.
"""

import asyncio
from collections import deque
from enum import IntEnum

from app.errors import Unavailable
from app.telemetry.metrics import Metrics, ShedReason


class Priority(IntEnum):
    """How much a refusal would hurt."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


SHARES = {Priority.LOW: 0.75, Priority.NORMAL: 0.9, Priority.HIGH: 1.0}
"""The part of the slots a priority may fill: the last ones are kept for what matters most."""


class Overloaded(Unavailable):
    type = "overloaded"
    title = "Too busy"


class Admission:
    """The slots and the queue of one replica. Belongs to one event loop.

    `limit` requests are worked on, `max_queued` wait for at most `queue_timeout` seconds.
    """

    def __init__(
        self, metrics: Metrics, *, limit: int, max_queued: int, queue_timeout: float
    ) -> None:
        self._slots = {p: max(1, int(limit * share)) for p, share in SHARES.items()}
        self._max_queued = max_queued
        self._queue_timeout = queue_timeout
        self._in_flight = 0
        self._waiting: dict[Priority, deque[asyncio.Future[None]]] = {
            priority: deque() for priority in reversed(Priority)
        }
        self._queued = 0
        self._shed = metrics.requests_shed

    async def enter(self, priority: Priority, *, seconds: float) -> None:
        """Take a slot, waiting at most `seconds`; each `enter` that returns needs a `leave`.

        Raises Overloaded, at once when the queue is full.
        """
        if self._in_flight < self._slots[priority] and not self._queued:
            self._in_flight += 1
            return
        if self._queued >= self._max_queued and not self._displace_one_below(priority):
            raise self._refusal("queue_full")
        await self._wait(priority, min(seconds, self._queue_timeout))

    def leave(self) -> None:
        """Give a slot back, to the most important of those who wait the longest."""
        self._in_flight -= 1
        self._hand_out()

    async def _wait(self, priority: Priority, seconds: float) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[priority].append(turn)
        self._queued += 1
        self._hand_out()
        try:
            async with asyncio.timeout(seconds):
                await turn
        except BaseException as error:
            self._give_up(priority, turn)
            if isinstance(error, TimeoutError):
                raise self._refusal("queue_timeout") from None
            raise

    def _give_up(self, priority: Priority, turn: asyncio.Future[None]) -> None:
        if turn in self._waiting[priority]:
            self._waiting[priority].remove(turn)
            self._queued -= 1
        elif turn.done() and not turn.cancelled() and turn.exception() is None:
            self.leave()  # the slot came in the moment we stopped waiting for it

    def _hand_out(self) -> None:
        for priority, waiting in self._waiting.items():
            while waiting and self._in_flight < self._slots[priority]:
                turn = waiting.popleft()
                self._queued -= 1
                if not turn.done():
                    self._in_flight += 1
                    turn.set_result(None)

    def _displace_one_below(self, priority: Priority) -> bool:
        """Send away the newest of the least important that wait, if less important than this."""
        for lower in Priority:
            if lower >= priority:
                return False
            if self._waiting[lower]:
                turn = self._waiting[lower].pop()
                self._queued -= 1
                if not turn.done():
                    turn.set_exception(self._refusal("displaced"))
                return True
        return False

    def _refusal(self, reason: ShedReason) -> Overloaded:
        self._shed.labels(reason).inc()
        return Overloaded("This replica has all the work it can do in time. Try again.")
