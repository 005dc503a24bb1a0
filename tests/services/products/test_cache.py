"""The memory in front of the store."""

import asyncio

import pytest

from app.errors import Unavailable
from services.products.cache import STALE_SECONDS, TimedCache
from tests.support.lost_errors import no_lost_errors


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Store:
    """Answers 1, 2, 3 …, unless it is down."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def load(self) -> int:
        self.asked += 1
        answer = self.asked
        await self.may_answer.wait()
        if self.down:
            raise Unavailable("down")
        return answer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> TimedCache[str, int]:
    return TimedCache(seconds=10, capacity=3, clock=clock)


async def test_a_herd_loads_a_value_once(cache: TimedCache[str, int]) -> None:
    store = Store()
    assert await asyncio.gather(*(cache.get("key", store.load) for _ in range(500))) == [1] * 500
    assert store.asked == 1


async def test_a_value_is_loaded_again_when_its_time_is_up(
    cache: TimedCache[str, int], clock: Clock
) -> None:
    store = Store()
    await cache.get("key", store.load)
    clock.now = 8.9
    assert await cache.get("key", store.load) == 1
    clock.now = 11.1
    assert await cache.get("key", store.load) == 2


async def test_a_forgotten_value_is_loaded_again_even_if_it_is_on_its_way(
    cache: TimedCache[str, int],
) -> None:
    store = Store()
    store.may_answer.clear()
    old = asyncio.create_task(cache.get("key", store.load))
    await asyncio.sleep(0)
    cache.forget("key")
    new = asyncio.create_task(cache.get("key", store.load))
    await asyncio.sleep(0)
    store.may_answer.set()
    assert (await old, await new) == (1, 2)
    assert await cache.get("key", store.load) == 2


async def test_one_who_stops_waiting_does_not_stop_the_others(
    cache: TimedCache[str, int],
) -> None:
    store = Store()
    store.may_answer.clear()
    first = asyncio.create_task(cache.get("key", store.load))
    second = asyncio.create_task(cache.get("key", store.load))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    store.may_answer.set()
    assert await second == 1
    assert store.asked == 1


async def test_an_error_that_nobody_waits_for_any_more_is_no_news(
    cache: TimedCache[str, int],
) -> None:
    store = Store()
    store.may_answer.clear()
    others = asyncio.all_tasks()
    with no_lost_errors():
        gone = asyncio.create_task(cache.get("key", store.load))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait({gone})
        store.down = True
        store.may_answer.set()
        await asyncio.wait(asyncio.all_tasks() - others)


async def test_an_old_value_serves_for_a_while_when_the_store_is_down(
    cache: TimedCache[str, int], clock: Clock
) -> None:
    store = Store()
    await cache.get("key", store.load)
    store.down = True
    clock.now = STALE_SECONDS
    assert await cache.get("key", store.load) == 1
    clock.now = STALE_SECONDS + 1
    with pytest.raises(Unavailable):
        await cache.get("key", store.load)


async def test_an_error_is_not_remembered(cache: TimedCache[str, int]) -> None:
    store = Store()
    store.down = True
    with pytest.raises(Unavailable):
        await cache.get("key", store.load)
    store.down = False
    assert await cache.get("key", store.load) == 2


async def test_what_nobody_asked_for_longest_makes_room(cache: TimedCache[str, int]) -> None:
    store = Store()
    for key in ("a", "b", "c", "a", "d"):
        await cache.get(key, store.load)
    assert store.asked == 4
    await cache.get("a", store.load)
    assert store.asked == 4
    await cache.get("b", store.load)
    assert store.asked == 5
