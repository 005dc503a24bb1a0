"""The mixed shoppers: they use all of the shop, and go on through any failure."""

import json
from collections import Counter
from collections.abc import Callable
from itertools import count, pairwise
from random import Random
from typing import Any

import pytest

from loadtest.messages import Request, Response, Scenario
from loadtest.mixed import FAMILY, MixedShoppers

MONEY = {"amount": 250, "currency": "EUR"}
PRODUCTS = [{"sku": f"SKU-{n}", "available": 9, "price": MONEY} for n in range(6)]
TOKENS = {"access_token": "a.b.c", "refresh_token": "r"}
CART = {"version": 1, "lines": [{"sku": "SKU-1", "quantity": 2}]}
Answer = Callable[[Request], Response]


def answered(request: Request) -> Response:
    """By a shop in which everything works."""
    body: Any = CART
    match request.name.split("/")[2]:
        case "products":
            asked = request.json["skus"] if request.json else [one["sku"] for one in PRODUCTS]
            body = {"items": [one for one in PRODUCTS if one["sku"] in asked]}
        case "user":
            body = TOKENS
        case "tracking":
            body = {"id": "ord-1", "status": "confirmed", "total": MONEY, "lines": []}
    return Response(201 if request.method == "POST" else 200, json.dumps(body).encode())


def answer(request: Request) -> Response:
    return Response(200, b"<html>") if request.name == "/" else answered(request)


def play(shopper: Scenario, steps: int, respond: Answer = answer) -> list[Request]:
    """What a shopper sends."""
    sent = [next(shopper)]
    while len(sent) < steps:
        sent.append(shopper.send(respond(sent[-1])))
    return sent


def family(seed: int = 1) -> list[Scenario]:
    shoppers = MixedShoppers()
    return [shoppers(Random(seed + member)) for member in range(len(FAMILY))]


def test_together_they_use_every_service() -> None:
    sent = [request for shopper in family() for request in play(shopper, 600)]
    routes = Counter(f"{request.method} {request.name}" for request in sent)
    assert set(routes) == {
        "GET /",
        "GET /api/products/v1/products",
        "GET /api/products/v1/products/{sku}",
        "POST /api/products/v1/products:lookup",
        "GET /api/cart/v1/cart",
        "DELETE /api/cart/v1/cart",
        "POST /api/cart/v1/cart/items",
        "PUT /api/cart/v1/cart/items/{sku}",
        "DELETE /api/cart/v1/cart/items/{sku}",
        "POST /api/cart/v1/cart:merge",
        "POST /api/user/v1/guests",
        "POST /api/user/v1/sessions",
        "POST /api/user/v1/sessions:refresh",
        "DELETE /api/user/v1/sessions/current",
        "GET /api/user/v1/users/me",
        "POST /api/tracking/v1/orders",
        "GET /api/tracking/v1/orders/{id}",
        "POST /api/tracking/v1/orders/{id}:cancel",
    }


def test_two_of_four_share_an_account_and_one_is_a_guest() -> None:
    sent = [play(shopper, 60) for shopper in family()]
    accounts = [
        {request.json["email"] for request in each if request.name == "/api/user/v1/sessions"}
        for each in sent
    ]
    assert [len(each) for each in accounts] == [1, 1, 1, 0]
    assert accounts[0] == accounts[1] != accounts[2]


def test_the_seed_says_what_they_do() -> None:
    first, again, other = (play(family(seed)[0], 300) for seed in (1, 1, 9))
    assert [one.name for one in first] == [one.name for one in again]
    assert [one.name for one in first] != [one.name for one in other]


def test_no_key_or_account_is_used_in_two_loads() -> None:
    def made(request: Request) -> set[str]:
        accounts = {request.json["email"]} if request.name.endswith("/sessions") else set()
        return accounts | {request.headers.get("idempotency-key", "")} - {""}

    first, second = (play(family()[0], 300) for _ in range(2))
    of_first, of_second = (set().union(*map(made, each)) for each in (first, second))
    assert len(of_first) > 10
    assert not of_first & of_second


IN_PROGRESS = Response(409, b'{"type": "urn:cartwheel:problem:in-progress"}')


@pytest.mark.parametrize("lost", [Response(0, error="timeout"), Response(503), IN_PROGRESS])
@pytest.mark.parametrize("route", ["/api/tracking/v1/orders", "/api/cart/v1/cart/items"])
def test_what_has_a_key_is_repeated_until_its_outcome_is_known(route: str, lost: Response) -> None:
    tries: Counter[str] = Counter()

    def respond(request: Request) -> Response:
        key = request.headers.get("idempotency-key")
        if key and request.name == route:
            tries[key] += 1
            return lost if tries[key] < 4 else answer(request)
        return answer(request)

    play(family()[0], 900, respond)
    last = list(tries)[-1]
    assert min(number for key, number in tries.items() if key != last) == 4


def test_after_a_change_without_a_response_the_cart_is_looked_at() -> None:
    change, read = ("PUT", "/api/cart/v1/cart/items/{sku}"), ("GET", "/api/cart/v1/cart")

    def respond(one: Request) -> Response:
        return Response(503) if (one.method, one.name) == change else answer(one)

    routes = [(one.method, one.name) for one in play(family()[0], 900, respond)]
    following = {after for before, after in pairwise(routes) if before == change}
    assert following == {read}


def with_new_tokens() -> Answer:
    """A shop in which everything works, and no refresh token is given twice."""
    numbers = count()

    def respond(request: Request) -> Response:
        if not request.name.startswith("/api/user/"):
            return answer(request)
        tokens = {"access_token": "a.b.c", "refresh_token": f"r-{next(numbers)}"}
        return Response(201, json.dumps(tokens).encode())

    return respond


def test_after_a_logout_the_tokens_of_the_session_are_tried_once_more() -> None:
    sent = play(family()[2], 2000, with_new_tokens())
    routes = [f"{one.method} {one.name.removeprefix('/api/user/v1/')}" for one in sent]
    places = [n for n, route in enumerate(routes[:-2]) if route == "DELETE sessions/current"]
    assert len(places) > 2
    following = {tuple(routes[n + 1 : n + 3]) for n in places}
    assert following == {("GET users/me", "POST sessions:refresh")}


def test_some_refresh_tokens_are_used_twice() -> None:
    sent = play(family()[2], 2000, with_new_tokens())
    used = Counter(one.json["refresh_token"] for one in sent if one.name.endswith(":refresh"))
    assert set(used.values()) == {1, 2}


def test_an_order_that_stays_unknown_is_placed_again_later() -> None:
    order = "/api/tracking/v1/orders"
    sent = play(family()[0], 900, lambda one: Response(503) if one.name == order else answer(one))
    keys = Counter(one.headers["idempotency-key"] for one in sent if one.name == order)
    assert len(keys) == 4
    assert min(keys.values()) > 12


@pytest.mark.parametrize("member", range(len(FAMILY)))
def test_they_go_on_through_any_failure(member: int) -> None:
    random = Random(5)
    failures = [Response(status) for status in (400, 401, 404, 409, 422, 429, 500, 503)]
    failures += [Response(0, error="refused"), Response(0, error="timeout")]

    def respond(request: Request) -> Response:
        return answer(request) if random.random() < 0.5 else random.choice(failures)

    assert len({request.name for request in play(family()[member], 5000, respond)}) >= 8
