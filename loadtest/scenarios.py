"""What shoppers do, without saying how it is sent.

A scenario is an endless generator: it yields the next `Request` of one shopper and is sent the
`Reply`. Whoever drives it decides when, how often and with which client: `loadtest.generator` in
a rhythm of its own, Locust (`locustfile.py`) as fast as its users think.

All paths go through the storefront, as a browser's or a program's would.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

PRODUCTS = "/api/products/v1"
CART = "/api/cart/v1"
USER = "/api/user/v1"
TRACKING = "/api/tracking/v1"
ORDER = f"{TRACKING}/orders/{{id}}"

# A cart is emptied after so many adds, long before a line is full.
ADDS_PER_CART = 40
# An access token lasts 15 minutes; a shopper who orders now and then is done long before.
ORDERS_PER_SESSION = 20
ADDRESS = {
    "name": "Lotte Lasttest",
    "line1": "1 Wheel Lane",
    "city": "Springfield",
    "postal_code": "12345",
    "country": "DE",
}


@dataclass(frozen=True)
class Request:
    """What to send. `name` groups requests in reports: the route, not the path."""

    name: str
    method: str
    path: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """What came back; `status` 0 and no `json` when nothing did."""

    status: int
    json: Any = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


Scenario = Generator[Request, Reply, None]


def browse(random: Random) -> Scenario:
    """Looks around: the home page, a search, some goods."""
    while True:
        yield Request("/", "GET", "/")
        listed = yield Request(f"{PRODUCTS}/products", "GET", f"{PRODUCTS}/products?limit=24")
        for sku in random.sample(_skus(listed), k=min(3, len(_skus(listed)))):
            yield Request(f"{PRODUCTS}/products/{{sku}}", "GET", f"{PRODUCTS}/products/{sku}")


def cart_add(random: Random) -> Scenario:
    """Puts one thing after the other into a guest's cart: the load that the cart scales by."""
    skus = yield from _catalogue()
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
    """Buys two things again and again: one account a shopper, since few may be made a minute."""
    account = yield from _account(random)
    while True:
        bearer = yield from _session(account)
        skus = yield from _catalogue()
        for _ in range(ORDERS_PER_SESSION):
            if not (yield from _buy(bearer, random, random.sample(skus, k=min(2, len(skus))))):
                # Sold out, dearer, or logged out by now: begin again with what is true.
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


def _catalogue() -> Generator[Request, Reply, list[str]]:
    """The SKUs that are in stock; asks until there are some."""
    while True:
        listed = yield Request(f"{PRODUCTS}/products", "GET", f"{PRODUCTS}/products?limit=100")
        if skus := _skus(listed):
            return skus


def _skus(listed: Reply) -> list[str]:
    if not listed.ok:
        return []
    return [product["sku"] for product in listed.json["items"] if product["available"] > 0]


def _guest() -> Generator[Request, Reply, Mapping[str, str]]:
    while True:
        guest = yield Request(f"{USER}/guests", "POST", f"{USER}/guests")
        if guest.ok:
            return _bearer(guest)


def _account(random: Random) -> Generator[Request, Reply, Mapping[str, str]]:
    """E-mail and password of a new account; asks until there is one."""
    while True:
        account = {"email": f"load-{_uuid(random)}@example.com", "password": _uuid(random)}
        made = yield Request(
            f"{USER}/users", "POST", f"{USER}/users", json={**account, "name": "Lotte Lasttest"}
        )
        if made.ok:
            return account


def _session(account: Mapping[str, str]) -> Generator[Request, Reply, Mapping[str, str]]:
    while True:
        session = yield Request(f"{USER}/sessions", "POST", f"{USER}/sessions", json=account)
        if session.ok:
            return _bearer(session)


def _buy(
    bearer: Mapping[str, str], random: Random, skus: list[str]
) -> Generator[Request, Reply, bool]:
    """One order and a look at it; False if there was none."""
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


def _total(bearer: Mapping[str, str]) -> Generator[Request, Reply, Any]:
    """What the cart costs at the prices of now."""
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


def _bearer(session: Reply) -> Mapping[str, str]:
    return {"authorization": f"Bearer {session.json['access_token']}"}


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))
