"""Services become unavailable and come back."""

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from tests.cartwheel.supervisor_process import eventually
from tests.services.storefront.browser import Browser, Page
from tests.support.shop import SKU
from tests.support.waiting import until
from tests.system.shop import RunningShop, shop_up

PAGES = ("/", "/cart", "/orders")
NOTICE = "notice notice-wait"
WHOLE_WITHIN = 5.0


@pytest.fixture(scope="module")
def shop() -> Iterator[RunningShop]:
    with shop_up() as shop:
        yield shop


@asynccontextmanager
async def customer(shop: RunningShop) -> AsyncIterator[Browser]:
    """The browser of a user with an order and a product in the cart."""
    async with httpx2.AsyncClient(base_url=shop.url("storefront"), timeout=15) as client:
        browser = Browser(client)
        page = await browser.register(f"{time.monotonic_ns()}@shop.example")
        assert page.status == 200
        await browser.add(SKU)
        assert "/orders/" in (await browser.order()).path
        await browser.add(SKU)
        yield browser


def is_whole(page: Page) -> bool:
    return page.status == 200 and NOTICE not in page.html


def pids(shop: RunningShop, *, but: str) -> dict[str, tuple[int, int]]:
    services = [one for one in shop.run.status()["services"] if one["service"] != but]
    return {
        replica["replica"]: (replica["pid"], replica["restarts"])
        for one in services
        for replica in one["replicas"]
    }


async def becomes_whole(browser: Browser, path: str) -> None:
    async def whole() -> bool:
        return is_whole(await browser.open(path))

    await until(whole, within=WHOLE_WITHIN)


@pytest.mark.fault(17, store="sqlite")
async def test_without_products_pages_go_out_with_a_notice_and_are_whole_again_when_it_returns(
    shop: RunningShop,
) -> None:
    before = pids(shop, but="products")
    async with customer(shop) as browser:
        await shop.scale("products", 0)
        for _ in range(10):  # enough for callers to notice
            home, cart, orders = [await browser.open(path) for path in PAGES]
            assert [page.status for page in (home, cart, orders)] == [200, 200, 200]
            assert NOTICE in home.html
            assert NOTICE in cart.html
            assert NOTICE not in orders.html, "orders know what was bought"
        await shop.scale("products", 1)
        for path in PAGES:
            await becomes_whole(browser, path)
    assert pids(shop, but="products") == before


async def test_products_that_hang_cost_pages_a_part_and_no_longer_when_they_wake(
    shop: RunningShop,
) -> None:
    before = pids(shop, but="")
    (replica,) = shop.run.replicas("products")
    async with customer(shop) as browser:
        os.kill(replica["pid"], signal.SIGSTOP)
        try:
            for path in PAGES:
                assert (await browser.open(path)).status == 200
            assert NOTICE in (await browser.open("/")).html
        finally:
            os.kill(replica["pid"], signal.SIGCONT)
        for path in PAGES:
            await becomes_whole(browser, path)
    assert pids(shop, but="") == before


@pytest.mark.fault(23, store="sqlite")
@pytest.mark.parametrize("service", ["tracking", "cart", "user"])
async def test_without_another_upstream_every_page_responds_and_the_one_concerned_says_so(
    shop: RunningShop, service: str
) -> None:
    concerned = {"tracking": "/orders", "cart": "/cart", "user": None}[service]
    count = shop.run.service(service)["desired"]
    async with customer(shop) as browser:
        await shop.scale(service, 0)
        try:
            for path in PAGES:
                page = await browser.open(path)
                assert page.status == (503 if path == concerned else 200)
                assert (NOTICE in page.html) == (path == concerned)
        finally:
            await shop.scale(service, count)
        for path in PAGES:
            await becomes_whole(browser, path)


def test_a_replica_that_dies_is_shown_backing_off_and_comes_back(shop: RunningShop) -> None:
    victim = shop.run.replicas("cart")[0]
    name = victim["replica"]
    others = pids(shop, but="cart")
    os.kill(victim["pid"], signal.SIGKILL)
    shop.run.wait_for_line(f"{name} .*was ended by SIGKILL: CrashLoopBackOff, again in 0.5 s")
    eventually(lambda: name in shop.run.endpoints() or None)
    again = shop.run.cart(name)
    assert again["restarts"] == victim["restarts"] + 1
    assert again["pid"] != victim["pid"]
    assert pids(shop, but="cart") == others
