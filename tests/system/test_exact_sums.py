"""Concurrent requests on the same data: nothing is lost, doubled or oversold, on every store."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from typing import Any

import pytest

from cartwheel.consistency import BookedCart, StockLevel
from tests.support.http_load import HttpRequest, HttpResponse, send_all_at_once
from tests.support.shop import SKU
from tests.system.recorded import RecordedTraffic, recorded
from tests.system.shop import RunningShop, checkout, shop_up

ROUNDS = 10
ADDS = 90
MAX_PIECES = 99
MAX_LINES = 100
STOCK = 50
SHOPPERS = 200
FILLED_AT_ONCE = 20
DECIDED_WITHIN = 70.0
ASK_AGAIN_AFTER = 0.2


@pytest.fixture(scope="module", params=["sqlite", "real"])
def shop(request: pytest.FixtureRequest) -> Iterator[RunningShop]:
    # Two hundred checkouts at once take a while on a small machine. The sweeper resumes those
    # that stop half-way, sooner than after the usual minute.
    timeout = {"CARTWHEEL_CHECKOUT_PATIENCE": "30", "CARTWHEEL_STALL_SECONDS": "8"}
    with shop_up(stores=request.param, **timeout) as shop:
        yield shop


def spread(shop: RunningShop, requests: Iterable[HttpRequest]) -> list[tuple[str, HttpRequest]]:
    """Send them to both replicas of the cart in turn."""
    replicas = shop.own_urls("cart")
    assert len(replicas) == 2
    return list(zip(cycle(replicas), requests, strict=False))


def adding(guest: Mapping[str, str], sku: str = SKU) -> HttpRequest:
    return HttpRequest("POST", "/v1/cart/items", guest, {"sku": sku, "quantity": 1})


def cart_of(shop: RunningShop, guest: Mapping[str, str]) -> dict[str, Any]:
    cart: dict[str, Any] = shop.request("cart", "GET", "/v1/cart", headers=guest).json()
    return cart


def statuses(responses: Iterable[HttpResponse]) -> Counter[int]:
    return Counter(response.status for response in responses)


@pytest.mark.fault(47, store=("sqlite", "valkey"))
async def test_ninety_parallel_adds_over_two_replicas_are_ninety_pieces_ten_times(
    shop: RunningShop,
) -> None:
    async with recorded(shop) as traffic:
        for _ in range(ROUNDS):
            guest = shop.guest()
            responses = await traffic.send_all_at_once(spread(shop, [adding(guest)] * ADDS))
            assert statuses(responses) == {200: ADDS}
    assert list(traffic.books.carts.values()) == [BookedCart(ADDS, {SKU: ADDS})] * ROUNDS


@pytest.mark.fault(47, store=("sqlite", "valkey"))
async def test_of_parallel_adds_those_past_99_pieces_are_refused_and_change_nothing(
    shop: RunningShop,
) -> None:
    guest = shop.guest()
    responses = await send_all_at_once(spread(shop, [adding(guest)] * (MAX_PIECES + 11)))
    assert statuses(responses) == {200: MAX_PIECES, 409: 11}
    full = cart_of(shop, guest)
    assert full["lines"] == [{"sku": SKU, "quantity": MAX_PIECES}]
    (refused,) = await send_all_at_once(spread(shop, [adding(guest)]))
    assert (refused.status, refused.json()["type"]) == (409, "urn:cartwheel:problem:cart-limit")
    assert cart_of(shop, guest) == full


@pytest.mark.fault(60, store=("sqlite", "valkey"))
async def test_of_parallel_adds_those_past_100_lines_are_refused_and_change_nothing(
    shop: RunningShop,
) -> None:
    skus = [f"SPOKE-{number:03}" for number in range(MAX_LINES + 5)]
    await sell(shop, skus)
    guest = shop.guest()
    responses = await send_all_at_once(spread(shop, [adding(guest, sku) for sku in skus]))
    assert statuses(responses) == {200: MAX_LINES, 409: 5}
    full = cart_of(shop, guest)
    assert len(full["lines"]) == full["version"] == MAX_LINES
    (refused,) = await send_all_at_once(spread(shop, [adding(guest)]))
    assert (refused.status, refused.json()["type"]) == (409, "urn:cartwheel:problem:cart-limit")
    assert cart_of(shop, guest) == full


@pytest.mark.fault(42, store=("sqlite", "postgres"))
async def test_one_cart_ordered_fifty_times_at_once_with_fifty_keys_is_ordered_once(
    shop: RunningShop,
) -> None:
    price = shop.price(SKU)
    shop.set_stock(SKU, STOCK)
    await shop.scale("tracking", 2)
    person = await asyncio.to_thread(shop.person)
    shop.put_in_cart(person, SKU)
    replicas = cycle(shop.own_urls("tracking"))
    requests = [checkout(person, price, key=f"cart-once-{number:04}") for number in range(50)]
    responses = await send_all_at_once(zip(replicas, requests, strict=False))
    assert statuses(responses) == {201: 1, 409: 49}
    (order,) = shop.orders_of(person)
    refusals = [response.json() for response in responses if response.status == 409]
    assert {problem["type"] for problem in refusals} == {"urn:cartwheel:problem:already-ordered"}
    assert {problem["order_id"] for problem in refusals} == {order["id"]}
    assert shop.stock(SKU) == STOCK - 1
    assert cart_of(shop, person.headers)["lines"] == []


@pytest.mark.fault(48, store=("sqlite", "postgres"))
async def test_of_200_parallel_checkouts_of_50_in_stock_exactly_50_are_confirmed(
    shop: RunningShop,
) -> None:
    price = shop.price(SKU)
    shop.set_stock(SKU, STOCK)
    people = await asyncio.to_thread(shop.people, SHOPPERS)
    async with recorded(shop) as traffic:
        for start in range(0, SHOPPERS, FILLED_AT_ONCE):  # in batches: the load is for the checkout
            crowd = people[start : start + FILLED_AT_ONCE]
            adds = [(shop.url("cart"), adding(one.headers)) for one in crowd]
            assert statuses(await traffic.send_all_at_once(adds)) == {200: len(crowd)}
        orders = [checkout(one, price, key="the-only-one") for one in people]
        decisions = await asyncio.gather(*(decision(shop, traffic, each) for each in orders))
    assert Counter(decisions) == {
        "confirmed": STOCK,
        "urn:cartwheel:problem:quote-changed": SHOPPERS - STOCK,
    }
    confirmed = [order for order in traffic.books.orders or () if order.status == "confirmed"]
    assert len(confirmed) == STOCK
    assert traffic.books.stock[SKU] == StockLevel(STOCK, 0)
    full = [cart for cart in traffic.books.carts.values() if cart.lines]
    assert [cart.lines for cart in full] == [{SKU: 1}] * (SHOPPERS - STOCK)


async def sell(shop: RunningShop, skus: Iterable[str]) -> None:
    """Create products with these SKUs."""
    model = shop.request("products", "GET", f"/v1/products/{SKU}").json()
    details = {name: model[name] for name in ("summary", "description", "category", "price")}
    requests = [
        HttpRequest("PUT", f"/v1/products/{sku}", shop.staff, {"name": "A spoke", **details})
        for sku in skus
    ]
    responses = await send_all_at_once((shop.url("products"), request) for request in requests)
    assert set(statuses(responses)) <= {200, 201}


async def decision(shop: RunningShop, traffic: RecordedTraffic, request: HttpRequest) -> str:
    """The outcome of a checkout, retried with the same key until it is known."""
    url = shop.url("tracking")
    async with asyncio.timeout(DECIDED_WITHIN):
        while True:
            response = await traffic.send(url, request)
            if response.ok and response.json()["status"] == "pending":
                return await status_of(url, traffic, request, response.json()["id"])
            if response.ok:
                return str(response.json()["status"])
            if response.status == 409 and not response.json()["type"].endswith("in-progress"):
                return str(response.json()["type"])
            assert response.status in (409, 503), response.body
            await asyncio.sleep(ASK_AGAIN_AFTER)


async def status_of(url: str, traffic: RecordedTraffic, request: HttpRequest, order_id: str) -> str:
    """The order's status once it is no longer pending."""
    headers = {"authorization": request.headers["authorization"]}
    look = HttpRequest("GET", f"/v1/orders/{order_id}", headers)
    while True:
        response = await traffic.send(url, look)
        if response.ok and response.json()["status"] != "pending":
            return str(response.json()["status"])
        await asyncio.sleep(ASK_AGAIN_AFTER)
