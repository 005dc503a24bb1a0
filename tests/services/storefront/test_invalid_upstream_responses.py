"""Upstreams that break their contract, and strangers whose requests look like it."""

import asyncio
import re
from typing import Any

import httpx2
import pytest

from services.storefront.main import build
from tests.services.storefront.browser import Browser
from tests.services.storefront.conftest import settings
from tests.services.storefront.fake_upstreams import FakeUpstreams, problem, product
from tests.services.storefront.test_missing_parts import CART, SHELVES
from tests.support.asgi import running
from tests.support.network import FakeNetwork


async def is_breaker_open(client: httpx2.AsyncClient, upstream: str) -> bool:
    metrics = (await client.get("/metrics")).text
    found = re.search(rf'^http_client_breaker_open{{.*"{upstream}".*}} (\S+)$', metrics, re.M)
    assert found is not None
    return float(found[1]) == 1


def slow(network: FakeNetwork, seconds: float) -> FakeNetwork:
    async def respond(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(seconds)
        return network.respond(request)

    return FakeNetwork(respond)


async def test_a_stranger_with_a_short_deadline_opens_no_circuit_breaker(
    upstreams: FakeUpstreams,
) -> None:
    upstreams.accounts["ann@shop.example"] = "right-password"
    transports = {**upstreams.transports, "user": slow(upstreams.transports["user"], 0.05)}
    async with running(build(settings(), transports=transports)) as client:
        body = {"email": "ann@shop.example", "password": "right-password"}

        async def log_in(**headers: str) -> int:
            response = await client.post("/api/user/v1/sessions", json=body, headers=headers)
            return response.status_code

        hurried = [log_in(**{"x-request-timeout-ms": "25"}) for _ in range(40)]
        assert set(await asyncio.gather(*hurried)) == {201}
        assert not await is_breaker_open(client, "user")
        assert await log_in() == 201


@pytest.mark.parametrize("value", ["0", "soon", "9" * 40])
async def test_nor_is_what_a_stranger_says_about_time_refused(browser: Browser, value: str) -> None:
    page = await browser.client.get("/", headers={"x-request-timeout-ms": value})
    assert page.status_code == 200


@pytest.mark.parametrize(
    "response",
    [
        problem(401, "unauthenticated"),
        problem(403, "forbidden"),
        httpx2.Response(200, content=b"<html>"),
        httpx2.Response(200, json={"items": "many"}),
        httpx2.Response(204),
        httpx2.Response(302, headers={"location": "/"}),
        httpx2.Response(404, content=b"not here"),
        httpx2.Response(999, content=b"?"),
    ],
    ids=lambda response: f"{response.status_code} {response.text[:20]}",
)
async def test_a_page_lives_without_what_products_did_not_return(
    browser: Browser, upstreams: FakeUpstreams, response: httpx2.Response
) -> None:
    upstreams.responses["products"] = lambda request: response
    page = await browser.open("/")
    assert page.status in (200, 503)
    assert SHELVES in page.text


@pytest.mark.parametrize("status", [100, 101, 199, 301, 304, 307, 600, 999])
async def test_a_status_that_means_nothing_here_is_the_upstreams_failure(
    browser: Browser, upstreams: FakeUpstreams, status: int
) -> None:
    upstreams.responses["products"] = lambda request: httpx2.Response(status, content=b"?")
    response = await browser.client.get("/api/products/v1/products")
    assert response.status_code == 503
    assert response.json()["type"] == "urn:cartwheel:problem:upstream-unavailable"


@pytest.mark.parametrize("quantity", [-7, 0, 100, 10**300, 1.5, "2", None])
async def test_a_quantity_that_no_cart_holds_breaks_no_page(
    browser: Browser, upstreams: FakeUpstreams, quantity: Any
) -> None:
    await browser.register()
    await browser.add("BIKE-1")
    lines = [{"sku": "BIKE-1", "quantity": quantity}]
    upstreams.responses["cart"] = lambda request: httpx2.Response(200, json={"lines": lines})
    for path in ("/cart", "/checkout"):
        page = await browser.open(path)
        assert page.status in (200, 503)
        assert CART in page.text


@pytest.mark.parametrize("price", [-1, 10**300, 1.5, "1999", None])
async def test_a_price_that_nobody_asks_breaks_no_page(
    browser: Browser, upstreams: FakeUpstreams, price: Any
) -> None:
    await browser.register()
    await browser.add("BIKE-1")
    priced = product("BIKE-1") | {"price": {"amount": price, "currency": "EUR"}}
    upstreams.responses["products"] = lambda request: httpx2.Response(200, json={"items": [priced]})
    for path in ("/", "/cart", "/checkout"):
        page = await browser.open(path)
        assert page.status in (200, 503)
        assert SHELVES in page.text


async def test_oversized_responses_of_upstreams_are_errors(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    goods = [product(f"BIKE-{number}") for number in range(101)]
    upstreams.responses["products"] = lambda request: httpx2.Response(200, json={"items": goods})
    assert SHELVES in (await browser.open("/")).text


async def test_latin_1_in_an_upstreams_header_is_forwarded(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.responses["products"] = lambda request: httpx2.Response(
        200, content=b"ok", headers=[(b"x-maker", b"caf\xe9"), (b"x-utf", b"\xc3\xa9")]
    )
    response = await browser.client.get("/api/products/v1/products")
    assert (b"x-maker", b"caf\xe9") in response.headers.raw
    assert (b"x-utf", b"\xc3\xa9") in response.headers.raw


@pytest.mark.parametrize(
    ("upstream", "path"), [("tracking", "/orders/"), ("products", "/products/")]
)
async def test_a_name_too_long_to_ask_for_is_the_strangers_mistake(
    browser: Browser, upstreams: FakeUpstreams, upstream: str, path: str
) -> None:
    await browser.register()
    upstreams.responses[upstream] = lambda request: problem(414, "uri-too-long")
    for _ in range(25):
        assert (await browser.open(path + "x" * 400)).status == 404
    assert not await is_breaker_open(browser.client, upstream)


@pytest.mark.fault(77)
@pytest.mark.parametrize(
    "response",
    [
        httpx2.Response(200, content=b"<html>", headers={"content-type": "text/html"}),
        httpx2.Response(200, content=b"<svg/>"),
        httpx2.Response(204),
    ],
    ids=lambda response: f"{response.status_code} {response.text}",
)
async def test_what_is_no_image_is_not_shown_as_one(
    browser: Browser, upstreams: FakeUpstreams, response: httpx2.Response
) -> None:
    upstreams.responses["products"] = lambda request: response
    assert (await browser.client.get("/products/BIKE-1/image.svg")).status_code == 503
