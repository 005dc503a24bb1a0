"""Tells listeners that an order has new events, whichever replica wrote them.

There is no queue for a listener. Each remembers the number of the last event it sent and reads
later ones from the store, so a slow listener costs nothing and one that reconnects misses
nothing. One query finds the orders with new events, however many listen; an event that this
process wrote is announced at once.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.errors import TooManyRequests, Unavailable
from services.tracking.metrics import OrderMetrics
from services.tracking.models import ShipmentEvent
from services.tracking.repository import OrderRepository

MAX_ORDERS_PER_QUERY = 500


class TooManyStreams(TooManyRequests):
    type = "too-many-streams"
    title = "You are listening in too many places"


class NoMoreListeners(Unavailable):
    type = "too-many-listeners"
    title = "Too many people are listening"


@dataclass(eq=False, slots=True)
class Listener:
    """Follows an order; has sent its events up to number ``seen``."""

    order_id: str
    seen: int
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there may be events after ``seen``."""


class EventBroker:
    """Who listens to which order. ``per_shopper`` and ``limit`` are numbers of open streams."""

    def __init__(
        self, orders: OrderRepository, *, per_shopper: int, limit: int, metrics: OrderMetrics
    ) -> None:
        self._orders = orders
        self._per_shopper = per_shopper
        self._limit = limit
        self._metrics = metrics
        self._listeners: set[Listener] = set()
        self._streams_of: Counter[str] = Counter()
        self.is_closed = False
        """Whether streams must end now. Clients reconnect to another replica."""

    @contextmanager
    def listening(self, shopper: str, order_id: str, *, after: int) -> Iterator[Listener]:
        """A listener for the duration of the block.

        Raises `TooManyStreams` and `NoMoreListeners`.
        """
        if self._streams_of[shopper] >= self._per_shopper:
            raise TooManyStreams("Close another stream first.", retry_after=5)
        if len(self._listeners) >= self._limit:
            raise NoMoreListeners("Try again in a moment.", retry_after=5)
        listener = Listener(order_id, seen=after)
        # Events may have been written before the listener came.
        listener.woken.set()
        self._listeners.add(listener)
        self._streams_of[shopper] += 1
        self._metrics.listening(len(self._listeners))
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._streams_of[shopper] -= 1
            self._streams_of += Counter()  # drops shoppers without streams
            self._metrics.listening(len(self._listeners))

    def publish(self, order_id: str) -> None:
        """Wake the listeners of an order that has a new event."""
        for listener in self._listeners:
            if listener.order_id == order_id:
                listener.woken.set()

    async def poll(self) -> None:
        """Wake every listener whose order has an event that it has not seen.

        Raises `StoreUnavailable`.
        """
        order_ids = sorted({listener.order_id for listener in self._listeners})
        for start in range(0, len(order_ids), MAX_ORDERS_PER_QUERY):
            batch = order_ids[start : start + MAX_ORDERS_PER_QUERY]
            latest = await self._orders.latest_sequences(batch)
            for listener in self._listeners:
                if latest.get(listener.order_id, 0) > listener.seen:
                    listener.woken.set()

    async def close_on(self, draining: Callable[[], Awaitable[None]]) -> None:
        """End all streams when ``draining`` returns."""
        await draining()
        self.is_closed = True
        for listener in self._listeners:
            listener.woken.set()

    async def read_unseen(self, listener: Listener) -> list[ShipmentEvent]:
        """The events after the last that the listener has seen. It has seen them now."""
        listener.woken.clear()
        events = await self._orders.events_after(listener.order_id, listener.seen)
        if events:
            listener.seen = events[-1].sequence
        return events
