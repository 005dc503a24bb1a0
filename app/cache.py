"""A cache in front of something slow that may be down: a store, an upstream.

    prices = Cache[str, Price](fresh_for=30.0, usable_for=3600.0, max_entries=1000)
    price = await prices.get(sku, partial(load_price, sku))

Many callers who need the same value at the same time share one load. While loads fail, the last
value is used instead for a while.
"""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from app.errors import Unavailable
from app.process.background import consume_exception
from app.telemetry.context import use_context, without_deadline

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

JITTER = 0.1
"""`fresh_for` varies by this share, so that values loaded together expire one by one."""


class _Entry(Generic[V]):
    """`value` is set once `loaded_at` is; `loading` is set while a load is under way."""

    __slots__ = ("attempted_at", "fresh_until", "loaded_at", "loading", "usable_until", "value")

    def __init__(self) -> None:
        self.value: V
        self.loading: asyncio.Task[V] | None = None
        self.attempted_at = float("-inf")
        self.loaded_at = float("inf")
        self.fresh_until = float("-inf")
        self.usable_until = float("-inf")


class Cache(Generic[K, V]):
    """Keeps up to `max_entries` values; the least recently used one makes room.

    A value is fresh for `fresh_for` seconds, give or take `jitter`. After that the next caller
    loads it again. If that load raises `Unavailable`, the old value is returned until it is
    `usable_for` seconds old, and the next load waits `retry_after` seconds. Any other error
    drops the value. Errors are not kept; None is a value like any other.

    A load belongs to no caller: it runs without a deadline, and a caller that is cancelled
    cancels only its own waiting. Callers that come while a value is loaded again wait for it, or
    get the old one at once if `stale_while_loading`.
    """

    def __init__(
        self,
        *,
        fresh_for: float,
        max_entries: int,
        usable_for: float = 0.0,
        retry_after: float = 0.0,
        jitter: float = JITTER,
        stale_while_loading: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fresh_for = fresh_for
        self._max_entries = max_entries
        self._usable_for = usable_for
        self._retry_after = retry_after
        self._jitter = jitter
        self._stale_while_loading = stale_while_loading
        self._clock = clock
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()

    def fresh(self, key: K) -> V | None:
        """The value if it is fresh. For hot paths: quick, and does not count as a use."""
        entry = self._entries.get(key)
        # The first comparison is for a clock that is set back: nothing stays fresh for hours.
        if entry is not None and entry.loaded_at <= self._clock() < entry.fresh_until:
            return entry.value
        return None

    def usable(self, key: K) -> V | None:
        """The value that is returned if a load fails now."""
        entry = self._entries.get(key)
        return entry.value if entry is not None and self._is_usable(entry) else None

    async def get(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """The value, from `load` if there is no fresh one. Raises what `load` raises."""
        entry = self._entries.get(key)
        if entry is None:
            return await self._join_load(key, load)
        if entry.loaded_at <= self._clock() < entry.fresh_until:
            self._entries.move_to_end(key)
            return entry.value
        if entry.loading is not None and self._stale_while_loading and self._is_usable(entry):
            return entry.value
        return await self._join_load(key, load)

    async def reload(self, key: K, load: Callable[[], Awaitable[V]], *, min_interval: float) -> V:
        """As `get`, but loads a fresh value again too: the caller misses something in it.

        Not if the last load began less than `min_interval` seconds ago.
        """
        entry = self._entries.get(key)
        if entry is None or entry.loading is not None:
            return await self._join_load(key, load)
        if self._clock() - entry.attempted_at < min_interval:
            return entry.value
        return await self._join_load(key, load)

    def forget(self, key: K) -> None:
        """Load the value again for the next caller, even if a load of it is under way."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    async def _join_load(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        entry = self._entries.get(key)
        if entry is None:
            self._make_room()
            entry = self._entries[key] = _Entry()
        self._entries.move_to_end(key)
        if entry.loading is None:
            with use_context(without_deadline()):
                entry.loading = asyncio.create_task(self._load(key, entry, load))
            entry.loading.add_done_callback(consume_exception)
        return await asyncio.shield(entry.loading)

    async def _load(self, key: K, entry: _Entry[V], load: Callable[[], Awaitable[V]]) -> V:
        entry.attempted_at = self._clock()
        try:
            value = await load()
        except BaseException as error:
            if isinstance(error, Unavailable) and self._is_usable(entry):
                entry.fresh_until = max(entry.fresh_until, self._clock() + self._retry_after)
                return entry.value
            if self._entries.get(key) is entry:  # not forgotten meanwhile
                del self._entries[key]
            raise
        finally:
            entry.loading = None
        entry.value = value
        entry.loaded_at = self._clock()
        jitter = random.uniform(1 - self._jitter, 1 + self._jitter)
        entry.fresh_until = entry.loaded_at + self._fresh_for * jitter
        entry.usable_until = entry.loaded_at + self._usable_for
        return value

    def _is_usable(self, entry: _Entry[V]) -> bool:
        return self._clock() <= max(entry.fresh_until, entry.usable_until)

    def _make_room(self) -> None:
        """Drop expired entries from the least recently used end, and one if the cache is full."""
        while self._entries:
            oldest = next(iter(self._entries.values()))
            is_needed = oldest.loading is not None or self._is_usable(oldest)
            if is_needed and len(self._entries) < self._max_entries:
                return
            self._entries.popitem(last=False)
