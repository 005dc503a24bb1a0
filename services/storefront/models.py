"""What the storefront reads of the upstreams' responses, and the queries it sends."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from app.models import PRINTABLE, UpstreamModel

MAX_AMOUNT = 10**15
MAX_STOCK = 1_000_000
MAX_QUANTITY = 99
"""How many of one product a cart holds."""
MAX_LINES = 100
"""How many products a cart holds, and one lookup takes."""
SKU_PATTERN = r"[A-Z0-9][A-Z0-9-]{1,31}"
"""A SKU where a browser sends one: in a path, a form or a cookie."""

Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT)]
Count = Annotated[int, Field(ge=0, le=MAX_STOCK)]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
Sku = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$")]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Cursor = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,512}$")]
Line = Annotated[str, Field(max_length=200, pattern=PRINTABLE)]
Text = Annotated[str, Field(max_length=5000, pattern=PRINTABLE)]
Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9._~+/=-]{1,3500}$")]
"""It has to fit in a cookie."""


class Money(UpstreamModel):
    """An amount in the currency's minor unit."""

    amount: Amount
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    def times(self, quantity: int) -> "Money":
        # Not validated again: a sum may be larger than what one field may hold.
        return self.model_copy(update={"amount": self.amount * quantity})


class Product(UpstreamModel):
    sku: Sku
    name: Line
    summary: Line = ""
    description: Text = ""
    category: Slug | Literal[""] = ""
    price: Money
    available: Count
    weight_grams: Count | None = None
    size: Line | None = None


class ProductPage(UpstreamModel):
    """``searched_for`` is the corrected text of a misspelt search."""

    items: Annotated[list[Product], Field(max_length=100)]
    next_cursor: Cursor | None = None
    previous_cursor: Cursor | None = None
    total: Count | None = None
    searched_for: Line | None = None


class Lookup(UpstreamModel):
    items: Annotated[list[Product], Field(max_length=MAX_LINES)]
    missing: Annotated[tuple[Sku, ...], Field(max_length=MAX_LINES)] = ()

    @cached_property
    def by_sku(self) -> dict[str, Product]:
        return {product.sku: product for product in self.items}


class Category(UpstreamModel):
    slug: Slug
    name: Line
    count: Count = 0


class Categories(UpstreamModel):
    items: Annotated[list[Category], Field(max_length=200)]


class CartLine(UpstreamModel):
    sku: Sku
    quantity: Quantity


class CartNotice(UpstreamModel):
    """A line that a merge could not keep completely."""

    sku: Sku
    requested: Count
    kept: Count


class Cart(UpstreamModel):
    lines: Annotated[tuple[CartLine, ...], Field(max_length=MAX_LINES)] = ()
    notices: Annotated[tuple[CartNotice, ...], Field(max_length=200)] = ()

    @property
    def count(self) -> int:
        return sum(line.quantity for line in self.lines)

    def quantity_of(self, sku: str) -> int:
        return next((line.quantity for line in self.lines if line.sku == sku), 0)


class Tokens(UpstreamModel):
    access_token: Token
    refresh_token: Token | None = None
    expires_in: Annotated[int, Field(ge=0, le=10_000_000)]


class Account(UpstreamModel):
    """An account as its owner sees it. ``email`` has its domain in ASCII."""

    id: Id
    email: Line = ""
    name: Line = ""


class Address(UpstreamModel):
    name: Line
    line1: Line
    line2: Line | None = None
    city: Line
    postal_code: Line | None = None
    country: Line


class OrderLine(UpstreamModel):
    sku: Sku
    name: Line
    quantity: Quantity
    unit_price: Money


class ShipmentEvent(UpstreamModel):
    sequence: Count
    status: Slug
    at: datetime


class Shipment(UpstreamModel):
    status: Slug
    events: Annotated[tuple[ShipmentEvent, ...], Field(max_length=100)] = ()


class Order(UpstreamModel):
    id: Id
    status: Literal["pending", "confirmed", "cancelled"]
    reason: Slug | None = None
    total: Money
    lines: Annotated[list[OrderLine], Field(max_length=MAX_LINES)]
    address: Address
    created_at: datetime
    shipment: Shipment


class OrderPage(UpstreamModel):
    items: Annotated[list[Order], Field(max_length=100)]
    next_cursor: Cursor | None = None


class FieldProblem(UpstreamModel):
    pointer: Line
    message: Annotated[str, Field(max_length=1000)]


class ProblemBody(UpstreamModel):
    """Why a request was declined (RFC 9457)."""

    type: str = "about:blank"
    upstream: Slug | Literal[""] = ""
    errors: Annotated[tuple[FieldProblem, ...], Field(max_length=200)] = ()
    order_id: Id | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class ProductQuery:
    """Which products a listing shows. Prices are amounts in the currency's minor unit."""

    category: str | None = None
    text: str | None = None
    sort: str | None = None
    cursor: str | None = None
    in_stock: bool = False
    min_price: int | None = None
    max_price: int | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image of products, or a 304 without content where the browser's copy is fresh."""

    status: int
    content: bytes
    headers: dict[str, str]


def is_sku(text: str) -> bool:
    return re.fullmatch(SKU_PATTERN, text) is not None
