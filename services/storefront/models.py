"""The little the pages read of what the neighbours answer, and what they send."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.models import Reading


class Money(Reading):
    """An amount in the currency's minor unit."""

    amount: int
    currency: str


class Product(Reading):
    sku: str
    name: str
    summary: str = ""
    description: str = ""
    category: str = ""
    price: Money
    available: int
    weight_grams: int | None = None
    size: str | None = None


class ProductPage(Reading):
    """``searched_for`` are the words that took the place of misspelt ones."""

    items: list[Product]
    next_cursor: str | None = None
    previous_cursor: str | None = None
    total: int | None = None
    searched_for: str | None = None


class Lookup(Reading):
    items: list[Product]
    missing: tuple[str, ...] = ()

    @property
    def by_sku(self) -> dict[str, Product]:
        return {product.sku: product for product in self.items}


class Category(Reading):
    slug: str
    name: str
    count: int = 0


class Categories(Reading):
    items: list[Category]


class CartLine(Reading):
    sku: str
    quantity: int


class CartNotice(Reading):
    """What a merge could not keep completely."""

    sku: str
    requested: int
    kept: int


class Cart(Reading):
    lines: tuple[CartLine, ...] = ()
    notices: tuple[CartNotice, ...] = ()

    @property
    def count(self) -> int:
        return sum(line.quantity for line in self.lines)

    def quantity_of(self, sku: str) -> int:
        return next((line.quantity for line in self.lines if line.sku == sku), 0)


class Tokens(Reading):
    access_token: str
    refresh_token: str | None = None
    expires_in: int


class Address(Reading):
    name: str
    line1: str
    line2: str | None = None
    city: str
    postal_code: str | None = None
    country: str


class OrderLine(Reading):
    sku: str
    name: str
    quantity: int
    unit_price: Money


class ShipmentEvent(Reading):
    sequence: int
    status: str
    at: datetime


class Shipment(Reading):
    status: str
    events: tuple[ShipmentEvent, ...] = ()


class Order(Reading):
    id: str
    status: Literal["pending", "confirmed", "cancelled"]
    reason: str | None = None
    total: Money
    lines: list[OrderLine]
    address: Address
    created_at: datetime
    shipment: Shipment


class OrderPage(Reading):
    items: list[Order]
    next_cursor: str | None = None


class FieldProblem(Reading):
    pointer: str
    message: str


class ProblemBody(Reading):
    """A neighbour's refusal (RFC 9457)."""

    type: str = "about:blank"
    detail: str = ""
    upstream: str = ""
    errors: tuple[FieldProblem, ...] = ()
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """Which goods a listing shows. Prices are amounts in the currency's minor unit."""

    category: str | None = None
    text: str | None = None
    sort: str | None = None
    cursor: str | None = None
    in_stock: bool = False
    min_price: int | None = None
    max_price: int | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as products serves it, or the news that the one kept by the reader is fresh."""

    status: int
    content: bytes
    headers: dict[str, str]
