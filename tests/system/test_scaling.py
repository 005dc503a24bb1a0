"""The cart scales under load, and no request fails."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from logging import getLogger

import pytest

from tests.support.http_load import Connection, HttpRequest, LoadResult, steady_load
from tests.support.shop import SKU
from tests.support.waiting import until
from tests.system.shop import RunningShop, shop_up

REQUESTS = 20_000
SHOPPERS_AT_THE_CART = 6
SHOPPERS_AT_THE_FRONT = 3
FIRST_REQUEST_WITHIN = 3.0
ENOUGH_WITHIN = 120.0
ARRIVALS = re.compile(rb'^http_requests_received_total\{.*route="/v1/cart.*\} (\S+)$', re.MULTILINE)


@pytest.fixture(scope="module")
def shop() -> Iterator[RunningShop]:
    with shop_up() as shop:
        yield shop


def shopping(guest: dict[str, str], prefix: str) -> Iterator[HttpRequest]:
    """Requests that read and change a cart, without end."""
    line = {"sku": SKU, "quantity": 1}
    while True:
        for _ in range(6):
            yield HttpRequest("GET", f"{prefix}/v1/cart", guest)
        yield HttpRequest("POST", f"{prefix}/v1/cart/items", guest, line)
        yield HttpRequest("PUT", f"{prefix}/v1/cart/items/{SKU}", guest, {"quantity": 7})
        yield HttpRequest("DELETE", f"{prefix}/v1/cart/items/{SKU}", guest)


class EveryReplicaServes:
    """Asserts that every replica in the endpoints file gets requests within three seconds."""

    def __init__(self, shop: RunningShop) -> None:
        self._shop = shop
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            watcher = tasks.create_task(self._watch(tasks))
            yield
            watcher.cancel()

    @property
    def count(self) -> int:
        return len(self._tasks)

    async def _watch(self, tasks: asyncio.TaskGroup) -> None:
        while True:
            for url in self._shop.own_urls("cart"):
                if url not in self._tasks:
                    self._tasks[url] = tasks.create_task(self._has_requests(url))
            await asyncio.sleep(0.05)

    async def _has_requests(self, url: str) -> None:
        connection = Connection(url)

        async def has_some() -> bool:
            response = await connection.send(HttpRequest("GET", "/metrics"))
            return any(float(count) > 0 for count in ARRIVALS.findall(response.body))

        try:
            await until(has_some, within=FIRST_REQUEST_WITHIN)
        finally:
            connection.close()


@pytest.mark.fault(25, 26, store="sqlite")
async def test_the_cart_scales_2_4_1_and_restarts_under_load_and_no_request_fails(
    shop: RunningShop,
) -> None:
    started = time.monotonic()
    guests = [shop.guest() for _ in range(SHOPPERS_AT_THE_CART + SHOPPERS_AT_THE_FRONT)]
    every_replica = EveryReplicaServes(shop)
    async with (
        every_replica.watching(),
        steady_load(
            shop.url("cart"),
            connections=SHOPPERS_AT_THE_CART,
            script=lambda number: shopping(guests[number], ""),
        ) as at_the_cart,
        steady_load(
            shop.url("storefront"),
            connections=SHOPPERS_AT_THE_FRONT,
            script=lambda number: shopping(guests[SHOPPERS_AT_THE_CART + number], "/api/cart"),
        ) as at_the_front,
    ):
        await shop.scale("cart", 4)
        await shop.rolling_restart("cart")
        await shop.scale("cart", 1)
        await until(
            lambda: at_the_cart.total + at_the_front.total >= REQUESTS, within=ENOUGH_WITHIN
        )
    getLogger(__name__).info(
        "%d requests at the cart, %d at the front, in %.0f s",
        at_the_cart.total,
        at_the_front.total,
        time.monotonic() - started,
    )
    assert every_replica.count == 2 + 2 + 4
    for result in (at_the_cart, at_the_front):
        assert result.failed == 0, result.failures
        assert set(result.statuses) == {200}
    assert shares(at_the_cart, at_the_front)


def shares(*results: LoadResult) -> bool:
    """Whether each of them sent a good part of the load."""
    whole = sum(result.total for result in results)
    return all(result.total > whole / 10 for result in results)
