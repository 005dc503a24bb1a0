"""Scenarios: what shoppers do, independent of the client that sends it.

A scenario is an endless generator: it yields the next `Request` of one shopper and is sent the
`Response`. The caller decides when to send and with which client: `loadtest.generator` at a fixed
rate, Locust (`locustfile.py`) after each user's think time.

All paths go through the storefront, like those of a browser.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from loadtest import mixed
from loadtest.access_tokens import as_bearer
from loadtest.messages import Request, Response, Scenario
from loadtest.shop_requests import (
    Headers,
    add_to_cart,
    become_guest,
    clear_cart,
    list_products,
    log_in,
    look_up,
    place_order,
    quantities_in,
    read_cart,
    read_order,
    register,
    show_product,
    total_of,
)

MAX_SHOPPERS = 512
# A cart is emptied long before one of its lines is full.
ADDS_PER_CART = 40
# So that a session ends before its access token expires (15 minutes).
ORDERS_PER_SESSION = 20


@dataclass(frozen=True)
class Crowd:
    """The shoppers of one load: ``start`` starts the next one.

    At least ``min_shoppers`` take part, even if fewer could send all requests, and at most
    ``max_shoppers``, even if all of them wait.
    """

    start: Callable[[Random], Scenario]
    min_shoppers: int = 1
    max_shoppers: int = MAX_SHOPPERS


def browse(random: Random) -> Scenario:
    """Looks around: the home page, a list of products, some of them."""
    while True:
        yield Request("/", "GET", "/")
        listed = yield list_products(limit=24)
        for sku in random.sample(_skus(listed), k=min(3, len(_skus(listed)))):
            yield show_product(sku)


def cart_add(random: Random) -> Scenario:
    """Adds products to a guest's cart one by one: the load that makes the cart scale."""
    # A step of the load brings many new shoppers at once: their start must not be most of it.
    skus = yield from _catalogue(limit=24)
    bearer = yield from _guest()
    while True:
        for _ in range(ADDS_PER_CART):
            added = yield add_to_cart(bearer, random.choice(skus))
            if added.status == 401:
                bearer = yield from _guest()
            elif added.status == 409:
                break
        yield clear_cart(bearer)


def checkout(random: Random) -> Scenario:
    """Orders two products again and again, with one account: registrations are rate-limited."""
    account = yield from _account(random)
    while True:
        bearer = yield from _session(account)
        skus = yield from _catalogue()
        for _ in range(ORDERS_PER_SESSION):
            if not (yield from _buy(bearer, random, random.sample(skus, k=min(2, len(skus))))):
                # Sold out, another price, or logged out: start again with current data.
                yield clear_cart(bearer)
                break


SCENARIOS: Mapping[str, Callable[[], Crowd]] = {
    "browse": lambda: Crowd(browse),
    "cart-add": lambda: Crowd(cart_add),
    "checkout": lambda: Crowd(checkout),
    "mixed": lambda: Crowd(
        mixed.MixedShoppers(), min_shoppers=mixed.MIN_SHOPPERS, max_shoppers=mixed.MAX_SHOPPERS
    ),
}


def _catalogue(*, limit: int = 100) -> Generator[Request, Response, list[str]]:
    """The SKUs in stock; repeats the request until there are some."""
    while True:
        listed = yield list_products(limit=limit)
        if skus := _skus(listed):
            return skus


def _skus(listed: Response) -> list[str]:
    if not listed.ok:
        return []
    return [product["sku"] for product in listed.json["items"] if product["available"] > 0]


def _guest() -> Generator[Request, Response, Headers]:
    while True:
        guest = yield become_guest()
        if guest.ok:
            return as_bearer(guest.json["access_token"])


def _account(random: Random) -> Generator[Request, Response, Mapping[str, str]]:
    """E-mail and password of a new account; repeats the request until it is created."""
    while True:
        account = {"email": f"load-{_uuid(random)}@example.com", "password": _uuid(random)}
        if (yield register(account)).ok:
            return account


def _session(account: Mapping[str, str]) -> Generator[Request, Response, Headers]:
    while True:
        session = yield log_in(account)
        if session.ok:
            return as_bearer(session.json["access_token"])


def _buy(bearer: Headers, random: Random, skus: list[str]) -> Generator[Request, Response, bool]:
    """Place an order and read it; False if the order was rejected."""
    for sku in skus:
        yield add_to_cart(bearer, sku)
    total = yield from _total(bearer)
    ordered = yield place_order(bearer, total, key=_uuid(random))
    if not ordered.ok:
        return False
    yield read_order(bearer, ordered.json["id"])
    return True


def _total(bearer: Headers) -> Generator[Request, Response, Any]:
    """The total of the cart at current prices, by the price rule of tracking."""
    cart = yield read_cart(bearer)
    quantities = quantities_in(cart)
    priced = yield look_up(sorted(quantities) or ["NONE"])
    return total_of(quantities, priced)


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))
