"""The books of the shop: what its stores hold when everything has come to rest."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from pydantic import TypeAdapter

from loadtest.history import in_one_line

NEEDED = frozenset({"stock", "orders", "payments", "carts"})
"""Members without which a document is not taken for books."""


@dataclass(frozen=True)
class StockLevel:
    """Pieces of one product that could be sold before the first operation and after the last."""

    start: int
    end: int


@dataclass(frozen=True)
class OrderedLine:
    """``unit_price`` is in minor units of the currency."""

    quantity: int
    unit_price: int


@dataclass(frozen=True)
class BookedOrder:
    """``key`` is the idempotency key of its checkout, ``reason`` why it was cancelled."""

    id: str
    owner: str
    key: str
    status: Literal["pending", "confirmed", "cancelled"]
    total: int
    lines: Mapping[str, OrderedLine]
    reason: str | None = None

    @property
    def quantities(self) -> dict[str, int]:
        return {sku: line.quantity for sku, line in self.lines.items()}


@dataclass(frozen=True)
class Payment:
    """``status`` is `charged`, `refunded`, `declined` or `void`."""

    order_id: str
    amount: int
    status: str


@dataclass(frozen=True)
class BookedCart:
    """Lines are quantities by SKU."""

    version: int
    lines: Mapping[str, int]


@dataclass(frozen=True)
class Books:
    """``stock`` is by SKU, ``carts`` are by owner.

    Stock and carts that are missing are not compared, and neither are orders and payments that
    are None. An order that is missing among others was never made. ``lost`` are names of objects
    that there were at the start and are no more, as `stock/MUG` or `order/ord_1`.
    """

    stock: Mapping[str, StockLevel] = field(default_factory=dict)
    orders: Sequence[BookedOrder] | None = None
    payments: Sequence[Payment] | None = None
    carts: Mapping[str, BookedCart] = field(default_factory=dict)
    lost: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises `ValueError` in one line for anything but the result of `as_json`."""
        try:
            books = TypeAdapter(cls).validate_json(text, strict=True)
        except ValueError as error:
            raise ValueError(in_one_line(error)) from error
        if missing := NEEDED - json.loads(text).keys():
            raise ValueError(f"it has no {', '.join(sorted(missing))}")
        return books
