"""Telling listeners that an order has news, whichever replica made it.

Listeners keep no queue: each remembers the number of the last event it has sent and reads the
ones after it from the store, so a slow one costs nothing and a returning one misses nothing.
One question to the store, however many listen, finds out who has news; what this very
process did is told at once.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.errors import TooManyRequests, Unavailable
from services.tracking.metrics import Measures
from services.tracking.models import ShipmentEvent
from services.tracking.repository import OrderRepository

ORDERS_PER_QUESTION = 500


class TooManyStreams(TooManyRequests):
    type = "too-many-streams"
    title = "You are listening in too many places"


class NoMoreListeners(Unavailable):
    type = "too-many-listeners"
    title = "Too many people are listening"


@dataclass(eq=False, slots=True)
class Listener:
    """Somebody who wants to know what comes after event ``seen`` of an order."""

    order_id: str
    seen: int
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Bulletin:
    """Who listens to which order. ``per_shopper`` and ``limit`` count open streams."""

    def __init__(
        self, orders: OrderRepository, *, per_shopper: int, limit: int, measures: Measures
    ) -> None:
        self._orders = orders
        self._per_shopper = per_shopper
        self._limit = limit
        self._measures = measures
        self._listeners: set[Listener] = set()
        self._streams_of: Counter[str] = Counter()
        self.closed = False
        """Whether streams are to end now, to be opened again at another replica."""

    @contextmanager
    def listening(self, shopper: str, order_id: str, *, after: int) -> Iterator[Listener]:
        """A listener for as long as the block lasts.

        Raises `TooManyStreams` and `NoMoreListeners`.
        """
        if self._streams_of[shopper] >= self._per_shopper:
            raise TooManyStreams("Close another stream first.", retry_after=5)
        if len(self._listeners) >= self._limit:
            raise NoMoreListeners("Try again in a moment.", retry_after=5)
        listener = Listener(order_id, seen=after)
        # What happened before anybody looked is news, too.
        listener.news.set()
        self._listeners.add(listener)
        self._streams_of[shopper] += 1
        self._measures.listening(len(self._listeners))
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._streams_of[shopper] -= 1
            self._streams_of += Counter()  # forgets those who left
            self._measures.listening(len(self._listeners))

    def changed(self, order_id: str) -> None:
        """Wake those who listen to this order."""
        for listener in self._listeners:
            if listener.order_id == order_id:
                listener.news.set()

    async def look(self) -> None:
        """Wake everybody whose order has an event they have not seen.

        Raises `StoreUnavailable`.
        """
        order_ids = sorted({listener.order_id for listener in self._listeners})
        for start in range(0, len(order_ids), ORDERS_PER_QUESTION):
            some = order_ids[start : start + ORDERS_PER_QUESTION]
            newest = await self._orders.sequences(some)
            for listener in self._listeners:
                if newest.get(listener.order_id, 0) > listener.seen:
                    listener.news.set()

    async def close_when(self, draining: Callable[[], Awaitable[None]]) -> None:
        """Send everybody home once ``draining`` returns."""
        await draining()
        self.closed = True
        for listener in self._listeners:
            listener.news.set()

    async def unseen(self, listener: Listener) -> list[ShipmentEvent]:
        """The events the listener has not seen, which it has now."""
        listener.news.clear()
        events = await self._orders.events_after(listener.order_id, listener.seen)
        if events:
            listener.seen = events[-1].sequence
        return events
