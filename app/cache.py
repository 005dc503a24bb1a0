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
from app.telemetry.context import UpstreamWait, current_context, use_context

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

JITTER = 0.1
"""`fresh_for` varies by this share, so that values loaded together expire one by one."""


class _Entry(Generic[V]):
    __slots__ = ("attempted_at", "fresh_until", "loaded_at", "usable_until", "value")

    def __init__(
        self,
        value: V,
        *,
        attempted_at: float,
        loaded_at: float,
        fresh_until: float,
        usable_until: float,
    ) -> None:
        self.value = value
        self.attempted_at = attempted_at
        self.loaded_at = loaded_at
        self.fresh_until = fresh_until
        self.usable_until = usable_until

    def is_fresh(self, now: float) -> bool:
        # The first comparison is for a clock that is set back: nothing stays fresh for hours.
        return self.loaded_at <= now < self.fresh_until

    def is_usable(self, now: float) -> bool:
        return now <= max(self.fresh_until, self.usable_until)

    def extend(self, now: float, seconds: float) -> None:
        """Use the value again for so long, since loading it failed."""
        if self.loaded_at > now:
            self.loaded_at, self.fresh_until = now, now + seconds
        self.fresh_until = max(self.fresh_until, now + seconds)


class _Load(Generic[V]):
    """A load under way, and how long it has waited for upstreams."""

    __slots__ = ("task", "upstream_wait")

    def __init__(self, task: asyncio.Task[V], upstream_wait: UpstreamWait) -> None:
        self.task = task
        self.upstream_wait = upstream_wait


class Cache(Generic[K, V]):
    """Keeps up to `max_entries` values; the least recently used one makes room.

    A value is fresh for `fresh_for` seconds, give or take `jitter`. After that the next caller
    loads it again. If that load raises `Unavailable`, the old value is returned until it is
    `usable_for` seconds old, and the next load waits `retry_after` seconds. Any other error
    drops the value. Errors are not kept, and a load that fails displaces no value. None is a value
    like any other.

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
        self._loads: dict[K, _Load[V]] = {}

    def fresh(self, key: K) -> V | None:
        """The value if it is fresh. For hot paths: quick, and does not count as a use."""
        entry = self._entries.get(key)
        return entry.value if entry is not None and entry.is_fresh(self._clock()) else None

    def usable(self, key: K) -> V | None:
        """The value that is returned if a load fails now."""
        entry = self._entries.get(key)
        return entry.value if entry is not None and entry.is_usable(self._clock()) else None

    async def get(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """The value, from `load` if there is no fresh one. Raises what `load` raises."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
            now = self._clock()
            if entry.is_fresh(now):
                return entry.value
            if self._stale_while_loading and key in self._loads and entry.is_usable(now):
                return entry.value
        return await self._join_load(key, load)

    async def reload(self, key: K, load: Callable[[], Awaitable[V]], *, min_interval: float) -> V:
        """As `get`, but loads a fresh value again too: the caller misses something in it.

        Not if the last load began less than `min_interval` seconds ago.
        """
        entry = self._entries.get(key)
        if entry is not None and key not in self._loads:
            self._entries.move_to_end(key)
            if self._clock() - entry.attempted_at < min_interval:
                return entry.value
        return await self._join_load(key, load)

    def forget(self, key: K) -> None:
        """Load the value again for the next caller, even if a load of it is under way."""
        self._entries.pop(key, None)
        self._loads.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()
        self._loads.clear()

    def __len__(self) -> int:
        return len(self._entries)

    async def _join_load(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        under_way = self._loads.get(key) or self._start_load(key, load)
        with under_way.upstream_wait.followed_by(current_context().upstream_wait):
            return await asyncio.shield(under_way.task)

    def _start_load(self, key: K, load: Callable[[], Awaitable[V]]) -> _Load[V]:
        context = current_context().for_shared_work()
        with use_context(context):
            task = asyncio.create_task(self._load(key, load))
        task.add_done_callback(consume_exception)
        started = self._loads[key] = _Load(task, context.upstream_wait)
        return started

    def _is_current(self, key: K, task: asyncio.Task[V] | None) -> bool:
        """Whether this load has not been forgotten meanwhile."""
        load = self._loads.get(key)
        return load is not None and load.task is task

    async def _load(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        task = asyncio.current_task()
        old = self._entries.get(key)
        try:
            attempted_at = self._clock()
            if old is not None:
                old.attempted_at = attempted_at
            value = await load()
            if self._is_current(key, task):
                self._store(key, value, attempted_at=attempted_at)
            return value
        except BaseException as error:
            if isinstance(error, Unavailable) and old is not None:
                now = self._clock()
                if old.is_usable(now):
                    old.extend(now, self._retry_after)
                    return old.value
            if self._is_current(key, task):
                self._entries.pop(key, None)
            raise
        finally:
            if self._is_current(key, task):
                del self._loads[key]

    def _store(self, key: K, value: V, *, attempted_at: float) -> None:
        now = self._clock()
        if key not in self._entries:
            self._make_room(now)
        self._entries[key] = _Entry(
            value,
            attempted_at=attempted_at,
            loaded_at=now,
            fresh_until=now + self._fresh_for * random.uniform(1 - self._jitter, 1 + self._jitter),
            usable_until=now + self._usable_for,
        )
        self._entries.move_to_end(key)

    def _make_room(self, now: float) -> None:
        """Drop expired entries from the least recently used end, and one if the cache is full."""
        while self._entries:
            oldest = next(iter(self._entries.values()))
            if oldest.is_usable(now) and len(self._entries) < self._max_entries:
                return
            self._entries.popitem(last=False)
