"""The cart and its rules: what fits in, what a change does, what checkout takes out.

A cart knows SKUs and quantities, never a price. Every method answers a new cart and leaves
the old one alone; a change raises the version by one, and what changes nothing does not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from app.errors import Conflict
from app.models import RequestModel, ResponseModel

MAX_QUANTITY = 99
MAX_LINES = 100

Sku = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{1,31}$", examples=["MUG-BLUE"])]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
OrderId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Subject = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]


class CartLimit(Conflict):
    """The change would pass 99 pieces of one product or 100 lines; nothing was changed."""

    type = "cart-limit"
    title = "The cart cannot hold that much"

    def __init__(self) -> None:
        super().__init__(
            f"A cart holds up to {MAX_LINES} products and up to {MAX_QUANTITY} pieces of each."
        )


class Line(RequestModel):
    """So many pieces of one product."""

    sku: Sku
    quantity: Quantity


class NewQuantity(RequestModel):
    """How many pieces there shall be."""

    quantity: Quantity


class GuestMerge(RequestModel):
    """Whose cart to take over."""

    guest_token: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,4096}$")]


class Order(RequestModel):
    """What a shopper has bought and no longer needs in the cart."""

    order_id: OrderId
    subject: Subject
    lines: Annotated[list[Line], Field(min_length=1, max_length=MAX_LINES)]


class Notice(ResponseModel):
    """A product that a merge could not keep completely."""

    sku: str
    requested: int
    kept: int


class CartLine(ResponseModel):
    """So many pieces of one product."""

    sku: str
    quantity: Quantity


class Cart(ResponseModel):
    """What a shopper has chosen so far, by SKU. Version 0 is a cart that nobody touched yet."""

    version: int = 0
    lines: tuple[CartLine, ...] = ()
    updated_at: datetime | None = None

    @classmethod
    def holding(
        cls, quantities: Mapping[str, int], *, version: int, updated_at: datetime | None
    ) -> Self:
        return cls(
            version=version,
            lines=tuple(
                CartLine(sku=sku, quantity=quantity) for sku, quantity in sorted(quantities.items())
            ),
            updated_at=updated_at,
        )

    @property
    def quantities(self) -> dict[str, int]:
        return {line.sku: line.quantity for line in self.lines}

    def adding(self, sku: str, quantity: int, *, at: datetime) -> "Cart":
        """Raises `CartLimit`."""
        return self.setting(sku, self.quantities.get(sku, 0) + quantity, at=at)

    def setting(self, sku: str, quantity: int, *, at: datetime) -> "Cart":
        """Raises `CartLimit`."""
        changed = self.quantities | {sku: quantity}
        if quantity > MAX_QUANTITY or len(changed) > MAX_LINES:
            raise CartLimit
        return self._changed(changed, at)

    def removing(self, sku: str, *, at: datetime) -> "Cart":
        return self._changed({k: v for k, v in self.quantities.items() if k != sku}, at)

    def emptied(self, *, at: datetime) -> "Cart":
        return self._changed({}, at)

    def merging(self, guest: "Cart", *, at: datetime) -> tuple["Cart", tuple[Notice, ...]]:
        """Both carts in one. What does not fit is cut and noted, never refused."""
        merged = self.quantities
        notices = []
        for line in guest.lines:
            requested = merged.get(line.sku, 0) + line.quantity
            fits = line.sku in merged or len(merged) < MAX_LINES
            kept = min(requested, MAX_QUANTITY) if fits else 0
            if kept:
                merged[line.sku] = kept
            if kept < requested:
                notices.append(Notice(sku=line.sku, requested=requested, kept=kept))
        return self._changed(merged, at), tuple(notices)

    def without(self, ordered: Iterable[Line], *, at: datetime) -> "Cart":
        """Takes out what was ordered; what was added since then stays."""
        left = self.quantities
        for line in ordered:
            if line.sku in left:
                left[line.sku] -= line.quantity
        return self._changed({sku: count for sku, count in left.items() if count > 0}, at)

    def _changed(self, quantities: Mapping[str, int], at: datetime) -> "Cart":
        if quantities == self.quantities:
            return self
        return Cart.holding(quantities, version=self.version + 1, updated_at=at)


class MergedCart(Cart):
    """The cart after a merge, and what was cut to fit."""

    notices: tuple[Notice, ...] = ()

    @classmethod
    def of(cls, cart: Cart, notices: Iterable[Notice]) -> Self:
        return cls(
            version=cart.version,
            lines=cart.lines,
            updated_at=cart.updated_at,
            notices=tuple(notices),
        )


class TakenOrder(ResponseModel):
    """What became of an order's lines. ``taken`` is false when they had been taken before."""

    order_id: str
    taken: bool
    version: int


@dataclass(frozen=True, slots=True)
class AddedItem:
    """The cart after an add. ``replayed``: the add itself happened in an earlier request."""

    cart: Cart
    replayed: bool = False
