"""The network between two services, or to the store of one, is slow, broken or cut."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest

from app.client.circuit_breaker import MIN_CALLS
from cartwheel.tcp_proxy import Bandwidth, Latency, LimitData, ResetPeer, TcpProxy, Timeout
from tests.faults.proxied_shop import NOTICE, ProxiedShop, running_proxied_shop
from tests.faults.steady_load import SteadyLoad
from tests.services.cart.shop import as_shopper, cart_service
from tests.services.storefront.browser import Browser, Page
from tests.support.shop import SKU
from tests.support.valkey_server import ValkeyServer
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("proxied shop")

Figure = Callable[..., None]
DEADLINE = 2.5
"""Of a page, in seconds."""
MOST = 0.95
"""Of requests at a steady rate: a busy machine sheds one now and then."""
NOISE = 10.0
"""Milliseconds by which a median may differ without a reason on a busy machine."""
PARTITION = (Timeout(stream="upstream"), Timeout(stream="downstream"))


@pytest.fixture(scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ProxiedShop]:
    async with running_proxied_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


async def shopper(shop: ProxiedShop) -> Browser:
    """With an account, and a product in the cart."""
    shop.client.cookies.clear()
    browser = Browser(shop.client)
    page = await browser.register(f"{time.monotonic_ns()}@shop.example")
    assert page.status == 200
    await browser.add(SKU)
    return browser


@pytest.mark.fault(3, store="valkey")
async def test_a_store_that_is_late_makes_carts_late_and_nothing_else(
    shop: ProxiedShop, figure: Figure
) -> None:
    guests = [await asyncio.to_thread(shop.shop.guest) for _ in range(25)]
    cart, line = shop.shop.url("cart"), {"sku": SKU, "quantity": 1}

    async def load() -> tuple[SteadyLoad, SteadyLoad]:
        async def add(number: int) -> httpx2.Response:
            headers = guests[number % len(guests)]
            return await shop.client.post(f"{cart}/v1/cart/items", json=line, headers=headers)

        adding, browsing = SteadyLoad(), SteadyLoad()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(adding.run(add, rate=10, seconds=4))
            browse = browsing.run(lambda _: shop.client.get("/"), rate=20, seconds=4)
            tasks.create_task(browse)
        assert browsing.share_of(200) >= MOST
        return adding, browsing

    adding, before = await load()
    assert adding.share_of(200) >= MOST
    with shop.store.affected_by(Latency(latency_ms=500)):
        adding, late = await load()
    assert adding.share_of(200) >= MOST
    assert adding.p99 < 1000 * DEADLINE
    with shop.store.affected_by(Latency(latency_ms=1500)):  # longer than the store may take
        adding, _ = await load()
    assert adding.share_of(503) >= MOST
    assert adding.p99 < 1000 * DEADLINE
    await until(lambda: shop.is_ready("cart"))
    adding, _ = await load()
    assert adding.share_of(200) >= MOST
    figure("median of the home page {:.1f} ms; {:.1f} ms before", late.median, before.median)
    assert late.median < 1.5 * before.median + NOISE


@pytest.mark.fault(4, store="valkey")
async def test_a_store_that_never_answers_leaves_neither_connections_nor_tasks(
    own_valkey: ValkeyServer, figure: Figure
) -> None:
    own_valkey.start()
    headers, line = as_shopper("guest_of_a_silent_store"), {"sku": SKU, "quantity": 1}
    async with (
        TcpProxy.to(own_valkey.url) as proxy,
        cart_service(proxy.url_through(own_valkey.url)) as cart,
    ):

        async def add() -> int:
            return (await cart.post("/v1/cart/items", json=line, headers=headers)).status_code

        async def adds_again() -> bool:
            return await add() == 200

        assert await adds_again()
        tasks = len(asyncio.all_tasks())
        with proxy.affected_by(*PARTITION):
            started = time.monotonic()
            for _ in range(3):
                assert set(await asyncio.gather(*(add() for _ in range(50)))) == {503}
            seconds = time.monotonic() - started
        await until(adds_again)
        await until(lambda: proxy.open_connections == 1)
        await until(lambda: len(asyncio.all_tasks()) == tasks)
    figure("150 calls are refused within {:.1f} s", seconds)


@pytest.mark.fault(23)
async def test_a_partition_between_storefront_and_cart_costs_the_cart_page_and_heals(
    shop: ProxiedShop, figure: Figure
) -> None:
    browser = await shopper(shop)
    pids = shop.pids()
    with shop.edge("storefront", "cart").affected_by(*PARTITION):
        for path in ("/", f"/products/{SKU}", "/orders"):
            page = await browser.open(path)
            assert page.status == 200
            assert NOTICE not in page.html
        cart = await browser.open("/cart")
        assert cart.status == 503
        assert "The cart is not answering." in cart.html
        # Others still reach it.
        person = await asyncio.to_thread(shop.shop.person)
        assert (await asyncio.to_thread(shop.shop.order, person))["status"] == "confirmed"
    figure("the cart is back {:.1f} s after the partition", await shop.heals("/cart"))
    assert shop.pids() == pids


@pytest.mark.fault(15)
async def test_a_page_goes_out_by_its_deadline_without_the_part_that_is_slow(
    shop: ProxiedShop, figure: Figure
) -> None:
    edge = shop.edge("storefront", "products")
    with edge.affected_by(Latency(latency_ms=2000)):
        late = Page(await shop.client.get("/"))
        assert late.status == 200
        assert NOTICE not in late.html
    with edge.affected_by(Latency(latency_ms=8000)):
        started = time.monotonic()
        without = Page(await shop.client.get("/"))
        seconds = time.monotonic() - started
        figure("home after {:.2f} s without its products", seconds)
        assert seconds < DEADLINE + 1
        assert without.status == 200
        assert NOTICE in without.html
    await shop.heals()


@pytest.mark.fault(17)
async def test_calls_to_a_service_that_only_fails_end_and_then_are_only_probes(
    shop: ProxiedShop, figure: Figure
) -> None:
    edge = shop.edge("storefront", "products")

    async def is_open() -> bool:
        return await shop.metric("storefront", "http_client_breaker_open", upstream="products") == 1

    async def browse() -> None:
        while True:
            page = Page(await shop.client.get("/"))
            assert page.status == 200
            assert NOTICE in page.html
            await asyncio.sleep(0.05)

    with edge.affected_by(ResetPeer(stream="upstream")):
        started, before = time.monotonic(), edge.accepted
        browsing = asyncio.create_task(browse())
        await until(is_open)
        opened_after = time.monotonic() - started
        connections = edge.accepted
        assert connections - before <= 2 * MIN_CALLS
        await asyncio.sleep(3)  # shorter than it stays open
        calls = edge.accepted - connections
        browsing.cancel()
        await asyncio.gather(browsing, return_exceptions=True)
        assert browsing.cancelled(), browsing.exception()
    figure("open after {:.1f} s, then {} calls", opened_after, calls)
    assert calls <= 3
    await shop.heals()


@pytest.mark.fault(20)
@pytest.mark.parametrize("limit", [0, 1, 100, 400, 1000, 2000])
async def test_a_response_that_is_cut_off_is_never_passed_on_as_a_whole_one(
    shop: ProxiedShop, limit: int
) -> None:
    with shop.edge("storefront", "products").affected_by(LimitData(bytes=limit)):
        response = await shop.client.get("/api/products/v1/products?limit=20")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert json.loads(response.content)["upstream"] == "products"
    await shop.heals()


@pytest.mark.fault(21)
async def test_the_deadline_is_for_the_whole_response_however_slowly_it_comes(
    shop: ProxiedShop, figure: Figure
) -> None:
    with shop.edge("storefront", "products").affected_by(Bandwidth(bytes_per_second=1)):
        started = time.monotonic()
        response = await shop.client.get("/")
        seconds = time.monotonic() - started
    assert response.status_code == 200
    assert NOTICE in response.text
    figure("home after {:.2f} s at 1 B/s", seconds)
    assert seconds < 2 * DEADLINE
    await shop.heals()
