"""An upstream that is down costs its part of the page, never the page."""

import asyncio
import re
import time

import httpx2
import pytest

from services.storefront.main import build
from tests.services.storefront.browser import ADDRESS, EMAIL, PAGE_HEADERS, Browser
from tests.services.storefront.conftest import settings
from tests.services.storefront.fake_upstreams import FakeUpstreams, problem
from tests.support.asgi import running
from tests.support.network import FakeNetwork

ALL = {"products", "cart", "user", "tracking"}
SHELVES = "The shelves are not answering."
CART = "The cart is not answering."
ORDERS = "The order desk is not answering."
DESK = "The front desk is not answering."


@pytest.fixture
async def shopper(browser: Browser, upstreams: FakeUpstreams) -> Browser:
    await browser.register()
    await browser.add("BIKE-1")
    upstreams.add_order(f"user_{EMAIL}", {"BIKE-1": 1}, ADDRESS)
    return browser


@pytest.mark.parametrize(
    ("down", "path", "words", "status"),
    [
        ("products", "/", SHELVES, 200),
        ("products", "/search?q=wheel", SHELVES, 503),
        ("products", "/categories/bicycles", SHELVES, 503),
        ("products", "/products/BIKE-1", SHELVES, 503),
        ("products", "/cart", SHELVES, 200),
        ("products", "/checkout", SHELVES, 503),
        ("cart", "/cart", CART, 503),
        ("cart", "/checkout", CART, 503),
        ("tracking", "/orders", ORDERS, 503),
        ("tracking", "/orders/order-0001", ORDERS, 503),
    ],
)
async def test_the_page_comes_with_one_calm_notice_a_way_to_try_again_and_the_request_id(
    shopper: Browser, upstreams: FakeUpstreams, down: str, path: str, words: str, status: int
) -> None:
    upstreams.down.add(down)
    page = await shopper.open(path)
    assert page.status == status
    assert ("retry-after" in page.headers) == (status == 503)
    assert page.text.count(words) == page.html.count('class="notice ') == 1
    assert page.html.count('<a href="">Try again</a>') == 1
    assert f"Reference {page.headers['x-request-id']}" in page.text
    upstreams.down.clear()
    assert words not in (await shopper.open(path)).text


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/search", 503),
        ("/products/BIKE-1", 503),
        ("/cart", 503),
        ("/orders", 503),
        ("/docs", 200),
    ],
)
async def test_every_page_comes_while_all_upstreams_are_down(
    shopper: Browser, upstreams: FakeUpstreams, path: str, status: int
) -> None:
    upstreams.down = set(ALL)
    page = await shopper.open(path)
    assert page.status == status
    assert "Cart – things" in page.text


@pytest.mark.parametrize("path", ["/cart", "/orders", "/checkout"])
async def test_a_session_that_cannot_be_refreshed_is_kept(
    shopper: Browser, upstreams: FakeUpstreams, path: str
) -> None:
    del shopper.client.cookies["cartwheel_access"]
    upstreams.down.add("user")
    page = await shopper.open(path)
    assert page.status == 503
    assert DESK in page.text
    upstreams.down.clear()
    assert DESK not in (await shopper.open(path)).text
    assert "Log out" in (await shopper.open(path)).text


async def test_the_cart_shows_its_lines_without_prices_while_products_is_down(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.down.add("products")
    page = await shopper.open("/cart")
    assert "BIKE-1" in page.text
    assert "Checkout opens when the prices are back." in page.text


async def test_adding_while_the_cart_is_down_says_that_nothing_was_lost(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.down.add("cart")
    page = await shopper.add("BIKE-1")
    assert page.status == 200
    assert "What is in it is safe." in page.text
    assert re.search(r"Reference [0-9a-f]{16}", page.text)


async def test_logging_in_while_the_user_service_is_down_keeps_what_was_typed(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.down.add("user")
    page = await browser.log_in()
    assert page.status == 503
    assert DESK in page.text
    assert f'value="{EMAIL}"' in page.html


@pytest.mark.parametrize(
    "response",
    [
        httpx2.Response(500, text="oops"),
        httpx2.Response(200, text='{"items": ['),
        httpx2.Response(200, json={"items": [{"sku": 1}]}),
        httpx2.Response(200, text="<html>"),
        problem(429, "too-many-requests"),
        problem(503, "overloaded", headers={"retry-after": "1"}),
    ],
)
async def test_an_invalid_response_is_a_missing_part(
    browser: Browser, upstreams: FakeUpstreams, response: httpx2.Response
) -> None:
    upstreams.responses["products"] = lambda _: response
    page = await browser.open("/")
    assert page.status == 200
    assert SHELVES in page.text
    assert "oops" not in page.text


async def _hang(request: httpx2.Request) -> httpx2.Response:
    await asyncio.sleep(30)
    return httpx2.Response(200)


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("slow", "path", "status"), [("products", "/", 200), ("cart", "/cart", 503)]
)
async def test_a_slow_upstream_costs_no_more_than_the_pages_deadline(
    upstreams: FakeUpstreams, slow: str, path: str, status: int
) -> None:
    transports = upstreams.transports
    async with running(build(settings(browse_timeout=0.3), transports=transports)) as client:
        await Browser(client).add("BIKE-1")
        cookies = client.cookies
    transports[slow] = FakeNetwork(_hang)
    async with running(build(settings(browse_timeout=0.3), transports=transports)) as client:
        client.cookies = cookies
        started = time.monotonic()
        page = await Browser(client).open(path)
        assert time.monotonic() - started < 1.5
    assert page.status == status
    assert "not answering" in page.text


async def test_parts_that_are_missing_are_counted(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.down.add("products")
    await browser.open("/")
    metrics = (await browser.client.get("/metrics")).text
    assert re.search(
        r'storefront_page_parts_missing_total\{[^}]*upstream="products"[^}]*\} 2\.0', metrics
    )


@pytest.mark.parametrize("action", ["cancel", "again"])
@pytest.mark.parametrize(("down", "who"), [("user", DESK), ("tracking", ORDERS), ("cart", CART)])
async def test_a_button_of_an_order_that_cannot_work_now_says_once_which_upstream_is_missing(
    shopper: Browser, upstreams: FakeUpstreams, action: str, down: str, who: str
) -> None:
    page = await shopper.open("/orders/order-0001")
    token = page.form("/orders/order-0001/again").fields["form_token"]
    upstreams.down.add(down)
    if down == "user":
        del shopper.client.cookies["cartwheel_access"]
    response = await shopper.client.post(
        f"/orders/order-0001/{action}",
        data={"form_token": token},
        headers=PAGE_HEADERS,
        follow_redirects=True,
    )
    if (action, down) == ("cancel", "cart"):
        assert "The order is cancelled." in response.text
        return
    assert response.text.count(who) == response.text.count('class="notice ') == 1


async def test_nothing_more_is_looked_for_once_products_do_not_answer(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    """The suggestions for a product that is gone: its SKU may hold a dozen words."""

    def without_lists(request: httpx2.Request) -> httpx2.Response:
        is_list = request.url.path == "/v1/products"
        return problem(503, "store-unavailable") if is_list else problem(404, "not-found")

    upstreams.responses["products"] = without_lists
    assert (await browser.open("/products/A-B-C-D-E-F-G-H")).status == 404
    searched = {
        request.url.params.get("q") for request in upstreams.requests_to("GET", "/v1/products")
    }
    assert searched == {"h"}
