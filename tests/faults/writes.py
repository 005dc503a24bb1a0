"""A write for each service that has a store, and how long it takes until it succeeds again."""

import asyncio
import itertools
import time
from typing import Any

import httpx2

from tests.support.shop import ADDRESS, SERVICE_TOKEN, SKU, Person, Shop

PLENTY = 1_000_000
POLL_SECONDS = 0.02


class Writes:
    """Requests that change something in the store of one service.

    What they need of the others is prepared before: somebody to shop, their tokens, a price.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._numbers = itertools.count()
        stock = {"available": PLENTY}
        shop.request("products", "PUT", f"/v1/products/{SKU}/stock", json=stock, headers=shop.staff)
        self.price: Any = shop.request("products", "GET", f"/v1/products/{SKU}").json()["price"]
        self._guest = shop.guest()
        self.change_shopper()

    def to(self, service: str) -> httpx2.Response:
        """To `tracking`, it is an order of what `fill_cart` put in the cart."""
        match service:
            case "products":
                return self._reserve()
            case "cart":
                return self._set_quantity(self._guest, next(self._numbers) % 99 + 1)
            case "user":
                return self._shop.request("user", "POST", "/v1/guests")
            case _:
                return self.order()

    async def seconds_until_accepted(self, service: str, *, within: float = 20.0) -> float:
        started = time.monotonic()
        async with asyncio.timeout(within):
            while not (await asyncio.to_thread(self.to, service)).is_success:  # noqa: ASYNC110
                await asyncio.sleep(POLL_SECONDS)
        return time.monotonic() - started

    def change_shopper(self) -> None:
        """Somebody new, with one piece in the cart."""
        self.person = self._shop.person()
        self.fill_cart()

    def fill_cart(self) -> None:
        """One piece, for an order with another key."""
        self.key = f"key-{time.monotonic_ns()}"
        assert self._set_quantity(self.person.headers, 1).is_success

    def order(self) -> httpx2.Response:
        return self._shop.request(
            "tracking",
            "POST",
            "/v1/orders",
            headers={**self.person.headers, "idempotency-key": self.key},
            json={"expected_total": self.price, "address": ADDRESS},
        )

    def _set_quantity(self, headers: dict[str, str], quantity: int) -> httpx2.Response:
        body = {"quantity": quantity}
        path = f"/v1/cart/items/{SKU}"
        return self._shop.request("cart", "PUT", path, json=body, headers=headers)

    def _reserve(self) -> httpx2.Response:
        return self._shop.request(
            "products",
            "PUT",
            f"/v1/reservations/order-{time.monotonic_ns()}",
            json={"lines": [{"sku": SKU, "quantity": 1}]},
            headers={"x-service-token": SERVICE_TOKEN},
        )


def order_ids(shop: Shop, person: Person) -> set[str]:
    """Of all orders of a person."""
    ids: set[str] = set()
    path = "/v1/orders?limit=100"
    while path:
        page = shop.request("tracking", "GET", path, headers=person.headers).json()
        ids |= {order["id"] for order in page["items"]}
        cursor = page["next_cursor"]
        path = f"/v1/orders?limit=100&cursor={cursor}" if cursor else ""
    return ids
