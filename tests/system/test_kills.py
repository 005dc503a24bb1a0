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

from services.tracking.settings import TrackingSettings
from tests.support.http_load import Connection, HttpRequest
from tests.support.processes import start_service
from tests.support.shop import SKU, Person
from tests.support.waiting import until
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

BOOKS = """
    SELECT orders.status, COALESCE(payments.status, 'none')
    FROM orders LEFT JOIN payments ON payments.order_id = orders.id
"""
UNFINISHED = "SELECT COUNT(*) FROM orders WHERE step <> 'done'"
MONEY_KEPT = ("confirmed", "charged")
NO_MONEY_KEPT = {("cancelled", money) for money in ("none", "declined", "void", "refunded")}


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
    people = await shoppers(shop, len(FORWARD) + len(BACKWARD))
    environment = shop.environment_of("tracking")
    await shop.scale("tracking", 0)
    modes = dict.fromkeys(FORWARD, "succeed") | dict.fromkeys(BACKWARD, "decline")
    async with AsyncExitStack() as stack:
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
                await send(process.url, order(shop, person))
            assert await process.exited() == -signal.SIGKILL
    await shop.scale("tracking", 1)

    statuses = await decisions(shop, people)
    assert statuses == {"confirmed": len(FORWARD), "cancelled": len(BACKWARD)}
    await books_agree(shop, people, confirmed=len(FORWARD))


@pytest.mark.fault(28, store="sqlite")
async def test_a_crowd_at_a_checkout_that_is_killed_again_and_again_loses_nothing(
    shop: RunningShop,
) -> None:
    people = await shoppers(shop, CROWD)

    async def insist(person: Person) -> None:
        """Retry with the same key until the order exists."""
        while not await asyncio.to_thread(has_ordered, shop, person):
            with suppress(OSError):
                await send(shop.url("tracking"), order(shop, person))

    async def kill() -> None:
        for _ in range(KILLS):
            (replica,) = shop.run.replicas("tracking")
            await asyncio.sleep(0.15)
            os.kill(replica["pid"], signal.SIGKILL)
            back = partial(is_back, shop, after=replica["restarts"])
            await until(back, within=BACK_WITHIN)

    await asyncio.gather(kill(), *(insist(person) for person in people))
    statuses = await decisions(shop, people)
    assert statuses == {"confirmed": CROWD}
    await books_agree(shop, people, confirmed=CROWD)


async def shoppers(shop: RunningShop, count: int) -> list[Person]:
    """Users with one piece in each cart; there is enough stock for all."""
    people = await asyncio.to_thread(shop.people, count)
    for person in people:
        shop.put_in_cart(person, SKU)
    shop.set_stock(SKU, STOCK)
    return people


def order(shop: RunningShop, person: Person) -> HttpRequest:
    return checkout(person, shop.price(SKU), key="the-only-one")


async def send(url: str, request: HttpRequest) -> None:
    """Raises `OSError` without a response."""
    connection = Connection(url)
    try:
        await connection.send(request)
    finally:
        connection.close()


def has_ordered(shop: RunningShop, person: Person) -> bool:
    with suppress(httpx2.TransportError):
        answer = shop.request("tracking", "GET", "/v1/orders", headers=person.headers)
        return answer.status_code == 200 and bool(answer.json()["items"])
    return False


def is_back(shop: RunningShop, *, after: int) -> bool:
    (replica,) = shop.run.replicas("tracking")
    return bool(replica["restarts"] > after and replica["state"] == "Ready")


async def decisions(shop: RunningShop, people: Sequence[Person]) -> Counter[str]:
    """The statuses of all orders, once no order has an unfinished step."""

    async def all_done() -> bool:
        return [row[0] for row in await shop.query("tracking", UNFINISHED)] == [0]

    await until(all_done, within=ENDS_WITHIN)
    orders = [await asyncio.to_thread(shop.orders_of, person) for person in people]
    assert [len(each) for each in orders] == [1] * len(people)
    return Counter(each[0]["status"] for each in orders)


async def books_agree(shop: RunningShop, people: Sequence[Person], *, confirmed: int) -> None:
    """Assert that stock, payments and carts are consistent with the orders."""
    assert shop.stock(SKU) == STOCK - confirmed
    books = {(row[0], row[1]) for row in await shop.query("tracking", BOOKS)}
    assert books <= {MONEY_KEPT} | NO_MONEY_KEPT
    carts = [shop.request("cart", "GET", "/v1/cart", headers=one.headers).json() for one in people]
    assert sum(not cart["lines"] for cart in carts) == confirmed
