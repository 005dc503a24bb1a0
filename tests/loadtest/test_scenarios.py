"""The scenarios: which requests a shopper sends, and what it does after a rejected one."""

import json
from random import Random
from typing import Any

from loadtest.messages import Request, Response
from loadtest.scenarios import SCENARIOS

SHELF = {"items": [{"sku": f"SKU-{n}", "available": 3} for n in range(5)]}
RESPONSES: dict[str, Any] = {
    "/api/products/v1/products": SHELF,
    "/api/user/v1/guests": {"access_token": "g"},
    "/api/user/v1/sessions": {"access_token": "u"},
    "/api/cart/v1/cart": {"lines": [{"sku": "SKU-1", "quantity": 2}]},
    "/api/products/v1/products:lookup": {
        "items": [{"sku": "SKU-1", "price": {"amount": 250, "currency": "EUR"}}]
    },
    "/api/tracking/v1/orders": {"id": "order-1", "status": "confirmed"},
}


def play(name: str, steps: int, refuse: dict[int, int] | None = None) -> list[Request]:
    """The requests of one shopper; `refuse` maps steps to the error status of their response."""
    shopper = SCENARIOS[name]().start(Random(1))
    request = next(shopper)
    sent = [request]
    for step in range(1, steps):
        status = (refuse or {}).get(step, 200)
        request = shopper.send(
            Response(status, json.dumps(RESPONSES.get(request.name)).encode())
            if status == 200
            else Response(status)
        )
        sent.append(request)
    return sent


def names(requests: list[Request], name: str) -> list[Request]:
    return [request for request in requests if request.name == name]


def test_a_buyer_makes_one_account_and_orders_again_and_again() -> None:
    sent = play("checkout", 400)
    assert len(names(sent, "/api/user/v1/users")) == 1
    assert len(names(sent, "/api/tracking/v1/orders")) > 30


def test_every_order_has_a_key_of_its_own_and_the_total_of_the_cart() -> None:
    orders = names(play("checkout", 60), "/api/tracking/v1/orders")
    keys = {order.headers["idempotency-key"] for order in orders}
    assert len(keys) == len(orders) > 3
    assert {order.json["expected_total"]["amount"] for order in orders} == {500}


def test_a_refused_order_empties_the_cart_and_looks_again() -> None:
    sent = play("checkout", 12)
    refused = next(n for n, request in enumerate(sent) if request.name.endswith("/orders")) + 1
    after = play("checkout", refused + 4, refuse={refused: 409})[refused:]
    assert (after[0].method, after[0].name) == ("DELETE", "/api/cart/v1/cart")
    assert after[1].name == "/api/user/v1/sessions"
    assert after[2].name == "/api/products/v1/products"


def test_a_rejected_registration_is_repeated() -> None:
    sent = play("checkout", 4, refuse={1: 429, 2: 429})
    assert [request.name for request in sent] == ["/api/user/v1/users"] * 3 + [
        "/api/user/v1/sessions"
    ]


def test_an_adder_stays_one_guest_and_empties_the_cart_before_it_is_full() -> None:
    sent = play("cart-add", 400)
    assert len(names(sent, "/api/user/v1/guests")) == 1
    assert len(names(sent, "/api/cart/v1/cart")) == 9
    full = play("cart-add", 6, refuse={4: 409})
    assert [(r.method, r.name) for r in full][-2:] == [
        ("DELETE", "/api/cart/v1/cart"),
        ("POST", "/api/cart/v1/cart/items"),
    ]


def test_adding_goes_on_with_a_new_guest_when_the_token_is_over() -> None:
    sent = play("cart-add", 5, refuse={3: 401})
    assert [request.name for request in sent][-2:] == [
        "/api/user/v1/guests",
        "/api/cart/v1/cart/items",
    ]


def test_browsing_groups_products_under_one_name() -> None:
    assert {request.name for request in play("browse", 60)} == {
        "/",
        "/api/products/v1/products",
        "/api/products/v1/products/{sku}",
    }
