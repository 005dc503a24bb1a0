"""Sessions over several replicas, and cookies that no session belongs to."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from services.storefront.main import build
from services.storefront.web.page_retry import PAUSES
from tests.services.storefront.browser import EMAIL, PAGE_HEADERS, Browser
from tests.services.storefront.conftest import settings
from tests.services.storefront.fake_upstreams import FakeUpstreams
from tests.support.asgi import running

TABS = 6


@pytest.fixture
async def other(browser: Browser, upstreams: FakeUpstreams) -> AsyncIterator[Browser]:
    """The same browser in front of another replica of the storefront."""
    async with running(build(settings(), transports=upstreams.transports)) as client:
        client.cookies = browser.client.cookies.jar  # one jar for both, not a copy
        yield Browser(client)


async def test_every_tab_sees_the_cart_when_two_replicas_refresh_the_session(
    browser: Browser, other: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    del browser.client.cookies["cartwheel_access"]
    replicas = [browser, other] * (TABS // 2)
    pages = await asyncio.gather(*(replica.open("/cart?a=1&b=%C3%BC") for replica in replicas))
    assert ["Fixed wheel" in page.text for page in pages] == [True] * TABS
    assert {page.url for page in pages} == {"/cart?a=1&b=%C3%BC"}
    assert len(upstreams.carts) == 1


@pytest.mark.parametrize("path", ["/", "/products/BIKE-1", "/orders", "/checkout"])
async def test_every_tab_stays_logged_in_when_two_replicas_refresh_the_session(
    browser: Browser, other: Browser, path: str
) -> None:
    await browser.register()
    await browser.add("BIKE-1")
    del browser.client.cookies["cartwheel_access"]
    pages = await asyncio.gather(*(one.open(path) for one in (browser, other) * 2))
    for page in pages:
        assert page.path == path
        assert "Log out" in page.text
        assert "Cart 1 thing" in page.text


async def test_a_form_is_sent_once_more_with_the_new_cookies(
    browser: Browser, other: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    page = await browser.open("/products/SKATE-1")
    del browser.client.cookies["cartwheel_access"]
    await asyncio.gather(browser.open("/cart"), other.submit(page, "/cart/items", quantity="2"))
    assert list(upstreams.carts.values()) == [{"BIKE-1": 1, "SKATE-1": 2}]


async def test_a_browser_that_never_gets_the_new_cookies_is_not_sent_round_for_ever(
    browser: Browser, other: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.storefront.web.page_retry.PAUSES", (0.0,) * len(PAUSES))
    await browser.add("BIKE-1")
    stuck = {"cartwheel_refresh": browser.client.cookies["cartwheel_refresh"]}
    del browser.client.cookies["cartwheel_access"]
    await browser.open("/cart")
    for _ in PAUSES:
        response = await _ask_with(other, stuck)
        assert (response.status_code, response.headers["location"]) == (303, "/cart")
        stuck |= {"cartwheel_tries": response.cookies["cartwheel_tries"]}
    response = await _ask_with(other, stuck)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert 'href="">Try again</a>' in response.text


@pytest.mark.parametrize(
    "value", ["x" * 201, "x" * 3500, "made-up", "a.b", "\u00fc", '"', "null", "-"]
)
@pytest.mark.parametrize("path", ["/", "/cart", "/orders", "/checkout"])
async def test_a_refresh_cookie_that_is_none_is_dropped_and_its_owner_a_stranger(
    browser: Browser, value: str, path: str
) -> None:
    cookie = f"cartwheel_refresh={value}".encode("latin-1")
    response = await browser.client.get(path, headers=PAGE_HEADERS | {"cookie": cookie})
    assert response.status_code == (200 if path in ("/", "/cart") else 303)
    assert "not answering" not in response.text
    dropped = [one for one in response.headers.get_list("set-cookie") if "Max-Age=0" in one]
    assert [one.partition("=")[0] for one in dropped if "_refresh=" in one] == ["cartwheel_refresh"]


async def test_a_place_in_the_list_of_orders_that_never_was_is_a_422_page(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.register()
    upstreams.add_order(f"user_{EMAIL}", {"BIKE-1": 1}, {"name": "Ann", **_ADDRESS})
    page = await browser.open("/orders?cursor=zzz")
    assert page.status == 422
    assert "This part of the list is not there." in page.text
    assert 'href="/orders"' in page.html
    assert "not answering" not in page.text
    counted = 'storefront_page_parts_missing_total{service="storefront",upstream="tracking"} 0.0'
    assert counted in (await browser.client.get("/metrics")).text


_ADDRESS = {"line1": "Hub Street 1", "city": "Rimville", "postal_code": "1", "country": "DE"}


async def _ask_with(browser: Browser, cookies: dict[str, str]) -> httpx2.Response:
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return await browser.client.get("/cart", headers=PAGE_HEADERS | {"cookie": header})
