"""The tracking process is killed in the middle of checkouts, with real upstreams."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path

import httpx2
import pytest

from loadtest.history import Outcome
from services.tracking.settings import TrackingSettings
from tests.support.http_load import HttpRequest
from tests.support.processes import start_service
from tests.support.shop import SKU, Person
from tests.support.waiting import until
from tests.system.recorded import RecordedTraffic, recorded
from tests.system.shop import ORDINARY_START, RunningShop, checkout, shop_up

ENDS_WITHIN = 70.0
STOCK = 100
FORWARD = (
    "before-reserve",
    "after-reserve",
    "after-pay",
    "after-commit",
    "after-take",
    "before-answer",
)
BACKWARD = ("before-refund", "after-refund", "after-release")
KILL_POINT = "CARTWHEEL_KILL_POINT"
PAYMENT_MODE = "CARTWHEEL_PAYMENT_MODE"
# No sweeps: each process must be killed by its own order, not by one that another left.
NO_SWEEPS = {"CARTWHEEL_SWEEP_SECONDS": "3600"}
CROWD = 24
KILLS = 3
BACK_WITHIN = 60.0
PAUSE = 0.05


@pytest.fixture(scope="module")
def shop() -> Iterator[RunningShop]:
    # The sweeper resumes orders that have not moved for a minute; here for 1.5 seconds.
    quick = {"CARTWHEEL_STALL_SECONDS": "1.5", "CARTWHEEL_SWEEP_SECONDS": "0.3"}
    with shop_up(**quick, **ORDINARY_START) as shop:
        yield shop


def test_by_default_the_sweeper_resumes_orders_in_time() -> None:
    default = {name: field.default for name, field in TrackingSettings.model_fields.items()}
    assert default["stall_seconds"] == 60
    assert default["stall_seconds"] + 2 * default["sweep_seconds"] < ENDS_WITHIN


@pytest.mark.fault(28, store="sqlite")
async def test_an_order_that_a_killed_process_left_at_any_step_is_finished_by_the_next(
    shop: RunningShop, tmp_path: Path
) -> None:
    modes = dict.fromkeys(FORWARD, "succeed") | dict.fromkeys(BACKWARD, "decline")
    people = await shoppers(shop, len(modes))
    environment = shop.environment_of("tracking")
    async with recorded(shop, within=ENDS_WITHIN) as traffic, AsyncExitStack() as stack:
        await fill_carts(shop, traffic, people)
        await shop.scale("tracking", 0)
        doomed = [
            stack.enter_async_context(
                start_service(
                    "tracking",
                    environment | NO_SWEEPS | {KILL_POINT: point, PAYMENT_MODE: mode},
                    folder=tmp_path,
                )
            )
            for point, mode in modes.items()
        ]
        for person, process in zip(people, await asyncio.gather(*doomed), strict=True):
            with pytest.raises(ConnectionError):
                await traffic.send(process.url, order(shop, person))
            assert await process.exited() == -signal.SIGKILL
        await shop.scale("tracking", 1)
    assert statuses(traffic) == {"confirmed": len(FORWARD), "cancelled": len(BACKWARD)}


@pytest.mark.fault(28, store="sqlite")
async def test_a_crowd_at_a_checkout_that_is_killed_again_and_again_loses_nothing(
    shop: RunningShop,
) -> None:
    people = await shoppers(shop, CROWD)

    async def insist(traffic: RecordedTraffic, person: Person) -> None:
        """Retry with the same key until the order exists."""
        while not await asyncio.to_thread(has_ordered, shop, person):
            with suppress(OSError):
                await traffic.send(shop.url("tracking"), order(shop, person))
            await asyncio.sleep(PAUSE)

    async def kill() -> None:
        for _ in range(KILLS):
            (replica,) = shop.run.replicas("tracking")
            await asyncio.sleep(0.15)
            os.kill(replica["pid"], signal.SIGKILL)
            back = partial(is_back, shop, after=replica["restarts"])
            await until(back, within=BACK_WITHIN)

    async with recorded(shop, within=ENDS_WITHIN) as traffic:
        await fill_carts(shop, traffic, people)
        await asyncio.gather(kill(), *(insist(traffic, person) for person in people))
    lost = [one for one in traffic.history if one.outcome is Outcome.UNKNOWN]
    assert "place" in {one.call for one in lost}
    assert statuses(traffic) == {"confirmed": CROWD}


async def shoppers(shop: RunningShop, count: int) -> list[Person]:
    """New users; there is enough stock for all."""
    shop.set_stock(SKU, STOCK)
    return await asyncio.to_thread(shop.people, count)


async def fill_carts(shop: RunningShop, traffic: RecordedTraffic, people: Sequence[Person]) -> None:
    """With one piece each."""
    line = {"sku": SKU, "quantity": 1}
    adds = [HttpRequest("POST", "/v1/cart/items", person.headers, line) for person in people]
    responses = await traffic.send_all_at_once((shop.url("cart"), add) for add in adds)
    assert [response.status for response in responses] == [200] * len(people)


def statuses(traffic: RecordedTraffic) -> Counter[str]:
    """Of the orders in the books."""
    return Counter(order.status for order in traffic.books.orders or ())


def order(shop: RunningShop, person: Person) -> HttpRequest:
    return checkout(person, shop.price(SKU), key="the-only-one")


def has_ordered(shop: RunningShop, person: Person) -> bool:
    with suppress(httpx2.TransportError):
        answer = shop.request("tracking", "GET", "/v1/orders", headers=person.headers)
        return answer.status_code == 200 and bool(answer.json()["items"])
    return False


def is_back(shop: RunningShop, *, after: int) -> bool:
    (replica,) = shop.run.replicas("tracking")
    return bool(replica["restarts"] > after and replica["state"] == "Ready")
