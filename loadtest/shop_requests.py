"""The requests of shoppers, and what their responses mean."""

from collections.abc import Mapping, Sequence
from typing import Any

from loadtest.messages import Request, Response
from loadtest.paths import CART, ORDER, PRODUCTS, TRACKING, USER

ADDRESS = {
    "name": "Lotte Lasttest",
    "line1": "1 Wheel Lane",
    "city": "Springfield",
    "postal_code": "12345",
    "country": "DE",
}

Headers = Mapping[str, str]


def list_products(*, limit: int = 100) -> Request:
    return Request(f"{PRODUCTS}/products", "GET", f"{PRODUCTS}/products?limit={limit}")


def search(word: str) -> Request:
    return Request(f"{PRODUCTS}/products", "GET", f"{PRODUCTS}/products?q={word}")


def show_product(sku: str) -> Request:
    return Request(f"{PRODUCTS}/products/{{sku}}", "GET", f"{PRODUCTS}/products/{sku}")


def look_up(skus: Sequence[str]) -> Request:
    """Prices and stock as they are now."""
    path = f"{PRODUCTS}/products:lookup"
    return Request(path, "POST", path, json={"skus": list(skus)})


def read_cart(bearer: Headers) -> Request:
    return Request(f"{CART}/cart", "GET", f"{CART}/cart", headers=bearer)


def clear_cart(bearer: Headers) -> Request:
    return Request(f"{CART}/cart", "DELETE", f"{CART}/cart", headers=bearer)


def add_to_cart(bearer: Headers, sku: str, *, quantity: int = 1, key: str = "") -> Request:
    return Request(
        f"{CART}/cart/items",
        "POST",
        f"{CART}/cart/items",
        json={"sku": sku, "quantity": quantity},
        headers={**bearer, **({"idempotency-key": key} if key else {})},
    )


def set_quantity(bearer: Headers, sku: str, quantity: int) -> Request:
    body = {"quantity": quantity}
    return Request(f"{CART}/cart/items/{{sku}}", "PUT", _item(sku), json=body, headers=bearer)


def remove_line(bearer: Headers, sku: str) -> Request:
    return Request(f"{CART}/cart/items/{{sku}}", "DELETE", _item(sku), headers=bearer)


def merge_cart(bearer: Headers, guest_token: str) -> Request:
    path, body = f"{CART}/cart:merge", {"guest_token": guest_token}
    return Request(path, "POST", path, json=body, headers=bearer)


def place_order(bearer: Headers, total: Any, *, key: str) -> Request:
    return Request(
        f"{TRACKING}/orders",
        "POST",
        f"{TRACKING}/orders",
        json={"expected_total": total, "address": ADDRESS},
        headers={**bearer, "idempotency-key": key},
    )


def read_order(bearer: Headers, order_id: str) -> Request:
    return Request(ORDER, "GET", f"{TRACKING}/orders/{order_id}", headers=bearer)


def list_orders(bearer: Headers) -> Request:
    return Request(f"{TRACKING}/orders", "GET", f"{TRACKING}/orders", headers=bearer)


def cancel_order(bearer: Headers, order_id: str) -> Request:
    path = f"{TRACKING}/orders/{order_id}:cancel"
    return Request(f"{ORDER}:cancel", "POST", path, headers=bearer)


def become_guest() -> Request:
    return Request(f"{USER}/guests", "POST", f"{USER}/guests")


def register(account: Mapping[str, str]) -> Request:
    body = {**account, "name": ADDRESS["name"]}
    return Request(f"{USER}/users", "POST", f"{USER}/users", json=body)


def log_in(account: Mapping[str, str]) -> Request:
    return Request(f"{USER}/sessions", "POST", f"{USER}/sessions", json=account)


def refresh(refresh_token: str) -> Request:
    path = f"{USER}/sessions:refresh"
    return Request(path, "POST", path, json={"refresh_token": refresh_token})


def log_out(bearer: Headers) -> Request:
    path = f"{USER}/sessions/current"
    return Request(path, "DELETE", path, headers=bearer)


def read_account(bearer: Headers) -> Request:
    return Request(f"{USER}/users/me", "GET", f"{USER}/users/me", headers=bearer)


def quantities_in(cart: Response) -> Mapping[str, int]:
    """What is in a cart; nothing if it could not be read."""
    return {line["sku"]: line["quantity"] for line in cart.json["lines"]} if cart.ok else {}


def total_of(quantities: Mapping[str, int], priced: Response) -> Mapping[str, Any]:
    """The total of a cart at the prices of a lookup, by the price rule of tracking."""
    prices = [(item["sku"], item["price"]) for item in priced.json["items"]] if priced.ok else []
    return {
        "amount": sum(price["amount"] * quantities[sku] for sku, price in prices),
        "currency": prices[0][1]["currency"] if prices else "EUR",
    }


def _item(sku: str) -> str:
    return f"{CART}/cart/items/{sku}"
