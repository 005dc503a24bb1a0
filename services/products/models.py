"""Products, categories and reservations: what is sent, received and stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Annotated

from pydantic import AfterValidator, Field

from app.models import RequestModel, ResponseModel, Text
from app.request.pagination import Page

Sku = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{1,31}$", examples=["BIKE-FIXIE-01"])]
OrderId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$", examples=["ord_7Yk2mQ9x"])]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$", examples=["bicycles"])]
Quantity = Annotated[int, Field(ge=1, le=99)]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]

MAX_AMOUNT = 10**12
MAX_STOCK = 1_000_000

Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT)]


class Sort(StrEnum):
    """The order of a listing; products with equal values are ordered by SKU."""

    NAME = "name"
    CHEAPEST = "price"
    DEAREST = "-price"
    NEWEST = "newest"


class Money(RequestModel):
    """An amount in the currency's smallest unit: 1999 EUR is 19.99 €, 1999 JPY is ¥1,999."""

    amount: Amount
    currency: CurrencyCode


class Category(ResponseModel):
    """A category and how many products it has."""

    slug: str
    name: str
    count: int


class Product(ResponseModel):
    """A product. ``available`` is how many pieces can still be reserved."""

    sku: str
    name: str
    summary: str
    description: str
    category: str
    price: Money
    available: int
    image: str
    weight_grams: int | None = None
    size: str | None = None

    def etag(self) -> str:
        """Its entity tag: changes whenever the product does."""
        return ProductDocument.of(self).etag


@dataclass(frozen=True, slots=True)
class ProductDocument:
    """A product with its JSON and its entity tag, which are made once for many requests."""

    product: Product
    content: bytes
    etag: str

    @classmethod
    def of(cls, product: Product) -> "ProductDocument":
        content = product.model_dump_json().encode()
        return cls(product, content, etag_of(content))


class ProductPage(Page[Product]):
    """One page of a listing."""

    total: Annotated[int, Field(description="How many products the whole list has.")]
    previous_cursor: Annotated[
        str | None, Field(description="Leads to the page before; null on the first one.")
    ] = None
    searched_for: Annotated[
        str | None, Field(description="The words that took the place of misspelt ones in `q`.")
    ] = None


class ProductDetails(RequestModel):
    """What the staff can set of a product. Its stock has a route of its own."""

    name: Annotated[str, Text(1, 80)]
    summary: Annotated[str, Text(1, 160)]
    description: Annotated[str, Text(1, 4000, lines=True)]
    category: Slug
    price: Money
    weight_grams: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    size: Annotated[str, Text(1, 80)] | None = None


class StockLevel(RequestModel):
    """How many can be sold from now on, without those already reserved."""

    available: Annotated[int, Field(ge=0, le=MAX_STOCK)]


class LookupRequest(RequestModel):
    """Which products to look up."""

    skus: Annotated[list[Sku], Field(min_length=1, max_length=100)]


class LookupResponse(ResponseModel):
    """The products found, in the order of the request, and the SKUs without a product."""

    items: list[Product]
    missing: list[str]


class Categories(ResponseModel):
    """All categories, in the order the shop shows them."""

    items: list[Category]


class Line(RequestModel):
    """A quantity of one product."""

    sku: Sku
    quantity: Quantity


def _check_unique_skus(lines: list[Line]) -> list[Line]:
    if len({line.sku for line in lines}) < len(lines):
        raise ValueError("each sku may appear once")
    return lines


class ReservationRequest(RequestModel):
    """The lines of an order, each SKU once."""

    lines: Annotated[
        list[Line], Field(min_length=1, max_length=100), AfterValidator(_check_unique_skus)
    ]


class ReservationStatus(StrEnum):
    """``reserved`` becomes one of the others, ``committed`` may still be ``released``."""

    RESERVED = "reserved"
    COMMITTED = "committed"
    RELEASED = "released"
    EXPIRED = "expired"


class Reservation(ResponseModel):
    """Stock reserved for one order until ``expires_at``; lines are ordered by SKU."""

    order_id: str
    status: ReservationStatus
    lines: list[Line]
    expires_at: datetime


def etag_of(content: bytes) -> str:
    """The entity tag of this content, without quotes."""
    return blake2b(content, digest_size=12).hexdigest()


def image_path(sku: str) -> str:
    """Where the picture of a product is served."""
    return f"/v1/products/{sku}/image.svg"


def sorted_by_sku(lines: Sequence[Line]) -> list[Line]:
    """The lines in the order in which stock is always changed."""
    return sorted(lines, key=lambda line: line.sku)
