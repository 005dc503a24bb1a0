"""Scenarios: what shoppers do, independent of the client that sends it.

A scenario is an endless generator: it yields the next `Request` of one shopper and is sent the
`Response`. The caller decides when to send and with which client: `loadtest.generator` at a fixed
rate, Locust (`locustfile.py`) after each user's think time.

All paths go through the storefront, like those of a browser.
"""

from collections.abc import Callable, Generator, Mapping
from random import Random
from typing import Any
from uuid import UUID

from loadtest.messages import Request, Response
from loadtest.paths import CART, ORDER, PRODUCTS, TRACKING, USER

# A cart is emptied long before one of its lines is full.
ADDS_PER_CART = 40
# So that a session ends before its access token expires (15 minutes).
ORDERS_PER_SESSION = 20
ADDRESS = {
    "name": "Lotte Lasttest",
    "line1": "1 Wheel Lane",
    "city": "Springfield",
    "postal_code": "12345",
    "country": "DE",
}


Scenario = Generator[Request, Response, None]


def browse(random: Random) -> Scenario:
    """Looks around: the home page, a list of products, some of them."""
    while True:
        yield Request("/", "GET", "/")
        listed = yield Request(f"{PRODUCTS}/products", "GET", f"{PRODUCTS}/products?limit=24")
        for sku in random.sample(_skus(listed), k=min(3, len(_skus(listed)))):
            yield Request(f"{PRODUCTS}/products/{{sku}}", "GET", f"{PRODUCTS}/products/{sku}")


def cart_add(random: Random) -> Scenario:
    """Adds products to a guest's cart one by one: the load that makes the cart scale."""
    # A step of the load brings many new shoppers at once: their start must not be most of it.
    skus = yield from _catalogue(limit=24)
    bearer = yield from _guest()
    while True:
        for _ in range(ADDS_PER_CART):
            added = yield _add(bearer, random.choice(skus))
            if added.status == 401:
                bearer = yield from _guest()
            elif added.status == 409:
                break
        yield _clear(bearer)


def checkout(random: Random) -> Scenario:
    """Orders two products again and again, with one account: registrations are rate-limited."""
    account = yield from _account(random)
    while True:
        bearer = yield from _session(account)
        skus = yield from _catalogue()
        for _ in range(ORDERS_PER_SESSION):
            if not (yield from _buy(bearer, random, random.sample(skus, k=min(2, len(skus))))):
                # Sold out, another price, or logged out: start again with current data.
                yield _clear(bearer)
                break


SCENARIOS: Mapping[str, Callable[[Random], Scenario]] = {
    "browse": browse,
    "cart-add": cart_add,
    "checkout": checkout,
}


def _add(bearer: Mapping[str, str], sku: str) -> Request:
    return Request(
        f"{CART}/cart/items",
        "POST",
        f"{CART}/cart/items",
        json={"sku": sku, "quantity": 1},
        headers=bearer,
    )


def _clear(bearer: Mapping[str, str]) -> Request:
    return Request(f"{CART}/cart", "DELETE", f"{CART}/cart", headers=bearer)


def _catalogue(*, limit: int = 100) -> Generator[Request, Response, list[str]]:
    """The SKUs in stock; repeats the request until there are some."""
    while True:
        listed = yield Request(f"{PRODUCTS}/products", "GET", f"{PRODUCTS}/products?limit={limit}")
        if skus := _skus(listed):
            return skus


def _skus(listed: Response) -> list[str]:
    if not listed.ok:
        return []
    return [product["sku"] for product in listed.json["items"] if product["available"] > 0]


def _guest() -> Generator[Request, Response, Mapping[str, str]]:
    while True:
        guest = yield Request(f"{USER}/guests", "POST", f"{USER}/guests")
        if guest.ok:
            return _bearer(guest)


def _account(random: Random) -> Generator[Request, Response, Mapping[str, str]]:
    """E-mail and password of a new account; repeats the request until it is created."""
    while True:
        account = {"email": f"load-{_uuid(random)}@example.com", "password": _uuid(random)}
        made = yield Request(
            f"{USER}/users", "POST", f"{USER}/users", json={**account, "name": "Lotte Lasttest"}
        )
        if made.ok:
            return account


def _session(account: Mapping[str, str]) -> Generator[Request, Response, Mapping[str, str]]:
    while True:
        session = yield Request(f"{USER}/sessions", "POST", f"{USER}/sessions", json=account)
        if session.ok:
            return _bearer(session)


def _buy(
    bearer: Mapping[str, str], random: Random, skus: list[str]
) -> Generator[Request, Response, bool]:
    """Place an order and read it; False if the order was rejected."""
    for sku in skus:
        yield _add(bearer, sku)
    total = yield from _total(bearer)
    ordered = yield Request(
        f"{TRACKING}/orders",
        "POST",
        f"{TRACKING}/orders",
        json={"expected_total": total, "address": ADDRESS},
        headers={**bearer, "idempotency-key": _uuid(random)},
    )
    if not ordered.ok:
        return False
    yield Request(ORDER, "GET", f"{TRACKING}/orders/{ordered.json['id']}", headers=bearer)
    return True


def _total(bearer: Mapping[str, str]) -> Generator[Request, Response, Any]:
    """The total of the cart at current prices, by the price rule of tracking."""
    cart = yield Request(f"{CART}/cart", "GET", f"{CART}/cart", headers=bearer)
    quantities = {line["sku"]: line["quantity"] for line in cart.json["lines"]} if cart.ok else {}
    priced = yield Request(
        f"{PRODUCTS}/products:lookup",
        "POST",
        f"{PRODUCTS}/products:lookup",
        json={"skus": sorted(quantities) or ["NONE"]},
    )
    prices = [(item["sku"], item["price"]) for item in priced.json["items"]] if priced.ok else []
    return {
        "amount": sum(price["amount"] * quantities[sku] for sku, price in prices),
        "currency": prices[0][1]["currency"] if prices else "EUR",
    }


def _bearer(session: Response) -> Mapping[str, str]:
    return {"authorization": f"Bearer {session.json['access_token']}"}


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))
