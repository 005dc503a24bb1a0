"""The cache in front of stores and upstreams."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from app.cache import Cache
from app.errors import NotFound, Unavailable
from app.telemetry.context import Deadline, RequestContext, current_context, use_context
from tests.app.clocks import Clock
from tests.support.lost_errors import no_lost_errors
from tests.support.waiting import until

USABLE_FOR = 30.0
MakeCache = Callable[..., Cache[str, int]]


class Store:
    """Answers 1, 2, 3 …, unless it is down."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.may_respond = asyncio.Event()
        self.may_respond.set()

    async def load(self) -> int:
        self.asked += 1
        value = self.asked
        await self.may_respond.wait()
        if self.error is not None:
            raise self.error
        return value


@pytest.fixture
def clock() -> Clock:
    return Clock(0)


@pytest.fixture
def make_cache(clock: Clock) -> MakeCache:
    def make(**options: object) -> Cache[str, int]:
        settings = {"fresh_for": 10, "usable_for": USABLE_FOR, "max_entries": 3, "clock": clock}
        return Cache(**(settings | options))  # type: ignore[arg-type]

    return make


@pytest.fixture
def cache(make_cache: MakeCache) -> Cache[str, int]:
    return make_cache()


@pytest.mark.fault(24)
async def test_concurrent_callers_load_a_value_once(cache: Cache[str, int]) -> None:
    store = Store()
    assert await asyncio.gather(*(cache.get("key", store.load) for _ in range(500))) == [1] * 500
    assert store.asked == 1


async def test_a_value_is_loaded_again_when_its_time_is_up(
    cache: Cache[str, int], clock: Clock
) -> None:
    store = Store()
    await cache.get("key", store.load)
    clock.now = 8.9
    assert await cache.get("key", store.load) == 1
    clock.now = 11.1
    assert await cache.get("key", store.load) == 2


async def test_a_forgotten_value_is_loaded_again_even_during_a_load(
    cache: Cache[str, int],
) -> None:
    store = Store()
    store.may_respond.clear()
    old = asyncio.create_task(cache.get("key", store.load))
    await asyncio.sleep(0)
    cache.forget("key")
    new = asyncio.create_task(cache.get("key", store.load))
    await asyncio.sleep(0)
    store.may_respond.set()
    assert (await old, await new) == (1, 2)
    assert await cache.get("key", store.load) == 2


async def test_a_cancelled_caller_does_not_cancel_the_others(
    cache: Cache[str, int],
) -> None:
    store = Store()
    store.may_respond.clear()
    first = asyncio.create_task(cache.get("key", store.load))
    second = asyncio.create_task(cache.get("key", store.load))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    store.may_respond.set()
    assert await second == 1
    assert store.asked == 1


async def test_all_callers_wait_for_an_upstream_as_long_as_the_load_does(
    cache: Cache[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    store.may_respond.clear()
    now = [100.0]
    stopped = SimpleNamespace(monotonic=lambda: now[0])  # only here: the loop has timers
    monkeypatch.setattr("app.telemetry.context.time", stopped)

    async def load() -> int:
        now[0] += 1  # the work of this replica
        with current_context().upstream_wait:
            return await store.load()

    async def waited() -> float:
        with use_context(RequestContext()) as context:
            await cache.get("key", load)
        return context.seconds_waited(now[0])

    callers = [asyncio.create_task(waited()) for _ in range(2)]
    await until(lambda: store.asked == 1)
    now[0] += 2
    callers.append(asyncio.create_task(waited()))
    await asyncio.sleep(0)
    now[0] += 4
    store.may_respond.set()
    assert await asyncio.gather(*callers) == [6, 6, 4]


async def test_an_error_without_a_waiting_caller_is_not_reported(
    cache: Cache[str, int],
) -> None:
    store = Store()
    store.may_respond.clear()
    others = asyncio.all_tasks()
    with no_lost_errors():
        gone = asyncio.create_task(cache.get("key", store.load))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait({gone})
        store.error = Unavailable("down")
        store.may_respond.set()
        await asyncio.wait(asyncio.all_tasks() - others)


async def test_an_old_value_is_used_for_a_while_when_the_store_is_down(
    cache: Cache[str, int], clock: Clock
) -> None:
    store = Store()
    await cache.get("key", store.load)
    store.error = Unavailable("down")
    clock.now = USABLE_FOR
    assert await cache.get("key", store.load) == 1
    clock.now = USABLE_FOR + 1
    with pytest.raises(Unavailable):
        await cache.get("key", store.load)


async def test_an_error_is_not_remembered(cache: Cache[str, int]) -> None:
    store = Store()
    store.error = Unavailable("down")
    with pytest.raises(Unavailable):
        await cache.get("key", store.load)
    store.error = None
    assert await cache.get("key", store.load) == 2


async def test_the_least_recently_used_value_makes_room(cache: Cache[str, int]) -> None:
    store = Store()
    for key in ("a", "b", "c", "a", "d"):
        await cache.get(key, store.load)
    assert store.asked == 4
    await cache.get("a", store.load)
    assert store.asked == 4
    await cache.get("b", store.load)
    assert store.asked == 5


async def test_a_fresh_value_is_had_without_a_load(cache: Cache[str, int], clock: Clock) -> None:
    assert cache.fresh("key") is None
    await cache.get("key", Store().load)
    assert cache.fresh("key") == 1
    clock.now = 11.1
    assert cache.fresh("key") is None


async def test_none_is_a_value_like_any_other(clock: Clock) -> None:
    cache = Cache[str, None](fresh_for=10, max_entries=3, clock=clock)
    loads = 0

    async def load() -> None:
        nonlocal loads
        loads += 1

    assert await cache.get("key", load) is None
    assert await cache.get("key", load) is None
    assert loads == 1


@pytest.mark.fault(24)
async def test_values_loaded_together_do_not_expire_together(
    make_cache: MakeCache, clock: Clock
) -> None:
    cache, store = make_cache(max_entries=200), Store()
    for number in range(200):
        await cache.get(str(number), store.load)
    clock.now = 10
    fresh = sum(cache.fresh(str(number)) is not None for number in range(200))
    assert 50 < fresh < 150


async def test_after_a_failed_load_the_next_one_waits(make_cache: MakeCache, clock: Clock) -> None:
    cache, store = make_cache(retry_after=2.0), Store()
    await cache.get("key", store.load)
    store.error = Unavailable("down")
    clock.now = 15
    for _ in range(5):
        assert await cache.get("key", store.load) == 1
    assert store.asked == 2
    clock.now = 17.1
    store.error = None
    assert await cache.get("key", store.load) == 3


async def test_an_error_that_is_no_outage_drops_the_old_value(
    cache: Cache[str, int], clock: Clock
) -> None:
    store = Store()
    await cache.get("key", store.load)
    clock.now = 15
    store.error = NotFound("gone")
    with pytest.raises(NotFound):
        await cache.get("key", store.load)
    store.error = Unavailable("down")
    with pytest.raises(Unavailable):
        await cache.get("key", store.load)
    assert len(cache) == 0


async def test_a_load_has_no_deadline_though_its_first_caller_has(cache: Cache[str, int]) -> None:
    async def load() -> float:
        return current_context().time_left()

    with use_context(RequestContext(deadline=Deadline.after(0.05))):
        assert await cache.get("key", load) == float("inf")  # type: ignore[arg-type]


@pytest.mark.parametrize(("stale_while_loading", "second"), [(True, 1), (False, 2)])
async def test_others_wait_for_a_load_or_get_the_old_value_at_once(
    make_cache: MakeCache, clock: Clock, stale_while_loading: bool, second: int
) -> None:
    cache, store = make_cache(stale_while_loading=stale_while_loading), Store()
    await cache.get("key", store.load)
    clock.now = 15
    store.may_respond.clear()
    starts_load = asyncio.create_task(cache.get("key", store.load))
    await asyncio.sleep(0)
    other = asyncio.create_task(cache.get("key", store.load))
    await asyncio.sleep(0)
    assert other.done() is stale_while_loading
    store.may_respond.set()
    assert (await starts_load, await other) == (2, second)


async def test_a_fresh_value_is_reloaded_but_not_too_often(
    cache: Cache[str, int], clock: Clock
) -> None:
    store = Store()
    assert await cache.reload("key", store.load, min_interval=5) == 1
    clock.now = 4.9
    assert await cache.reload("key", store.load, min_interval=5) == 1
    clock.now = 5
    assert await cache.reload("key", store.load, min_interval=5) == 2
    assert await cache.get("key", store.load) == 2


async def test_nothing_stays_fresh_for_long_when_the_clock_is_set_back(
    cache: Cache[str, int], clock: Clock
) -> None:
    store = Store()
    clock.now = 3600
    await cache.get("key", store.load)
    clock.now = 0
    assert await cache.get("key", store.load) == 2


async def test_expired_values_make_room_before_the_cache_is_full(
    cache: Cache[str, int], clock: Clock
) -> None:
    store = Store()
    await cache.get("a", store.load)
    await cache.get("b", store.load)
    clock.now = USABLE_FOR + 1
    await cache.get("c", store.load)
    assert len(cache) == 1


async def test_a_load_that_fails_displaces_no_value(cache: Cache[str, int]) -> None:
    store, failing = Store(), Store()
    for key in ("a", "b", "c"):
        await cache.get(key, store.load)
    failing.error = NotFound("no such key")
    guesses = (cache.get(str(number), failing.load) for number in range(10))
    results = await asyncio.gather(*guesses, return_exceptions=True)
    assert all(isinstance(result, NotFound) for result in results)
    assert [cache.fresh(key) for key in ("a", "b", "c")] == [1, 2, 3]


async def test_a_clock_that_cannot_be_read_yet_delays_nothing_later() -> None:
    store = Store()
    is_readable = False

    def clock() -> float:
        if not is_readable:
            raise Unavailable("the clock was not read yet")
        return 0.0

    cache = Cache[str, int](fresh_for=10, max_entries=3, clock=clock)
    with pytest.raises(Unavailable):
        await cache.get("key", store.load)
    is_readable = True
    assert await cache.get("key", store.load) == 1


async def test_an_old_value_is_reused_without_more_loads_when_the_clock_was_set_back(
    make_cache: MakeCache, clock: Clock
) -> None:
    cache, store = make_cache(retry_after=2.0), Store()
    clock.now = 3600
    await cache.get("key", store.load)
    store.error = Unavailable("down")
    clock.now = 0
    assert [await cache.get("key", store.load) for _ in range(5)] == [1] * 5
    assert store.asked == 2
