"""A small memory for answers that many ask for at once."""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from app.errors import Unavailable
from app.process.background import consume_exception

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

JITTER = 0.1
STALE_SECONDS = 30.0


class _Entry(Generic[V]):
    """A value being loaded, the loaded one, or both while it is renewed."""

    def __init__(self) -> None:
        self.loading: asyncio.Task[V] | None = None
        self.values: list[V] = []
        self.loaded_at = float("-inf")
        self.fresh_until = float("-inf")


class TimedCache(Generic[K, V]):
    """Remembers up to ``capacity`` values for ``seconds``, give or take a tenth.

    However many ask for a key that is not fresh, it is loaded once. While the store is
    unavailable a value is good for half a minute more: old news is better than none.
    """

    def __init__(
        self, *, seconds: float, capacity: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._capacity = capacity
        self._clock = clock
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()

    async def get(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """The value for ``key``, from ``load`` if need be; its errors are not remembered."""
        entry = self._entries.setdefault(key, _Entry())
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        if self._clock() < entry.fresh_until:
            return entry.values[0]
        if entry.loading is None:
            # A task of its own: the others still wait when the first to ask has gone.
            entry.loading = asyncio.create_task(self._renew(key, entry, load))
            entry.loading.add_done_callback(consume_exception)
        try:
            return await asyncio.shield(entry.loading)
        except Unavailable:
            if not entry.values or self._clock() > entry.loaded_at + STALE_SECONDS:
                raise
            return entry.values[0]

    def forget(self, key: K) -> None:
        """Load ``key`` again for whoever asks next, even if it is being loaded right now."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    async def _renew(self, key: K, entry: _Entry[V], load: Callable[[], Awaitable[V]]) -> V:
        try:
            value = await load()
        except Exception:
            if not entry.values and self._entries.get(key) is entry:
                del self._entries[key]
            raise
        finally:
            entry.loading = None
        entry.values = [value]
        entry.loaded_at = self._clock()
        jitter = random.uniform(1 - JITTER, 1 + JITTER)
        entry.fresh_until = entry.loaded_at + self._seconds * jitter
        return value
