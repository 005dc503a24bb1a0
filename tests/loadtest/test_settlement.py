"""What a load leaves open is settled when it has ended."""

import json
import time
from typing import Any

import httpx2
import pytest

from loadtest.access_tokens import as_bearer
from loadtest.messages import Exchange, Request, Response
from loadtest.settlement import Settlement
from loadtest.shop_requests import add_to_cart, become_guest, log_in, place_order
from tests.loadtest.test_recorder import ANN, token
from tests.support.network import FakeNetwork, Respond

SHOP = "http://shop"
TOTAL = {"amount": 700, "currency": "EUR"}
ORDER = {"id": "ord-1", "status": "confirmed"}
ACCOUNT = {"email": "ann@example.com", "password": "round and round"}
TOKENS = {"access_token": token("ann"), "refresh_token": "r"}


class Load:
    """The exchanges of one shopper, whose session is open."""

    def __init__(self) -> None:
        self.recorded: list[Exchange] = []
        self._settlement = Settlement(self.recorded.append)
        self.add(log_in(ACCOUNT), 201, TOKENS)

    def add(self, request: Request, status: int, answer: Any = None) -> None:
        response = Response(status, json.dumps(answer).encode())
        self._settlement.observe(Exchange(3, request, response, 1.0, 2.0))

    async def settle(self, respond: Respond, *, within: float = 20.0) -> int:
        """Returns what is still open; what is recorded is only what was sent for it."""
        self.recorded.clear()
        return await self._settlement.settle(SHOP, within=within, transport=FakeNetwork(respond))

    @property
    def sent(self) -> list[str]:
        return [f"{one.request.method} {one.request.path}" for one in self.recorded]


def answers(*responses: httpx2.Response) -> Respond:
    """These, one after the other."""
    remaining = iter(responses)
    return lambda _: next(remaining)


def ok(body: Any, status: int = 200) -> httpx2.Response:
    return httpx2.Response(status, json=body)


async def test_an_order_without_a_response_is_placed_again_until_there_is_one() -> None:
    load = Load()
    load.add(place_order(ANN, TOTAL, key="k-1"), 503)
    left = await load.settle(answers(httpx2.Response(503), ok(ORDER, 201), ok(ORDER)))
    assert left == 0
    place = "POST /api/tracking/v1/orders"
    assert load.sent == [place, place, "GET /api/tracking/v1/orders/ord-1"]
    keys = {one.request.headers.get("idempotency-key") for one in load.recorded[:2]}
    assert keys == {"k-1"}
    assert {one.shopper for one in load.recorded} == {4}


async def test_an_order_is_read_until_it_is_decided() -> None:
    load = Load()
    pending = {**ORDER, "status": "pending"}
    load.add(place_order(ANN, TOTAL, key="k-1"), 202, pending)
    assert await load.settle(answers(ok(pending), ok(pending), ok(ORDER))) == 0
    assert load.sent == ["GET /api/tracking/v1/orders/ord-1"] * 3


async def test_a_refused_order_leaves_nothing_open() -> None:
    load = Load()
    load.add(place_order(ANN, TOTAL, key="k-1"), 503)
    load.add(place_order(ANN, TOTAL, key="k-1"), 409)
    assert await load.settle(answers()) == 0
    assert load.sent == []


async def test_each_cart_and_stock_is_read_once_more_by_who_owns_it() -> None:
    load = Load()
    load.add(add_to_cart(ANN, "TOY-1"), 503)
    assert await load.settle(answers(ok({"version": 1, "lines": []}), ok({"items": []}))) == 0
    assert load.sent == ["GET /api/cart/v1/cart", "POST /api/products/v1/products:lookup"]
    assert load.recorded[0].request.headers == ANN


async def test_a_session_that_is_over_is_opened_again() -> None:
    load = Load()
    load.add(add_to_cart(ANN, "TOY-1"), 200)
    tokens = {"access_token": token("ann") + "2", "refresh_token": "r2"}
    cart = ok({"version": 1, "lines": []})
    refused = httpx2.Response(401)
    assert await load.settle(answers(refused, ok(tokens, 201), cart, ok({"items": []}))) == 0
    assert load.sent[:3] == [
        "GET /api/cart/v1/cart",
        "POST /api/user/v1/sessions",
        "GET /api/cart/v1/cart",
    ]
    assert load.recorded[2].request.headers["authorization"].endswith("2")


@pytest.mark.parametrize(("seconds", "left"), [(-1, 0), (60, 1)])
async def test_a_cart_is_not_read_when_the_token_of_its_guest_has_expired(
    seconds: int, left: int
) -> None:
    load = Load()
    guest = token("guest_1", exp=time.time() + seconds)
    load.add(become_guest(), 201, {"access_token": guest, "refresh_token": "r"})
    load.add(add_to_cart(as_bearer(guest), "TOY-1"), 200)
    assert await load.settle(answers(httpx2.Response(401), ok({"items": []}))) == left


async def test_what_cannot_be_settled_in_time_is_counted() -> None:
    load = Load()
    load.add(add_to_cart(ANN, "TOY-1"), 200)
    load.add(place_order(ANN, TOTAL, key="k-1"), 503)
    assert await load.settle(lambda _: httpx2.Response(503), within=0.1) == 3
