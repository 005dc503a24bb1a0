"""The cart: its limits, and the result of every change.

A cart holds SKUs and quantities, never a price. It is immutable: every method returns a new cart.
A change raises the version by one; a change without effect returns the same cart.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, NamedTuple, Self

from pydantic import Field

from app.errors import Conflict
from app.models import RequestModel, ResponseModel
from app.stores.clock import in_milliseconds, moment, moment_in_json

# The limits of a cart are stated here and nowhere else. `Cart` applies them to carts in SQLite;
# the scripts that apply them in Valkey get the same constants when they are loaded.
MAX_LINES = 100
MAX_QUANTITY = 99
MAX_IDEMPOTENCY_KEYS = 64
"""For one cart. When there are more, the oldest are dropped."""

CART_LIMITS = f"A cart holds up to {MAX_LINES} products and up to {MAX_QUANTITY} pieces of each."
"""For the error, and for the documentation of the routes that apply the limits."""

Sku = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{1,31}$", examples=["MUG-BLUE"])]
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
OrderId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Subject = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]


class CartLimit(Conflict):
    """The change would exceed a limit of the cart; nothing was changed."""

    type = "cart-limit"
    title = "The cart cannot hold that much"

    def __init__(self) -> None:
        super().__init__(CART_LIMITS)


class Line(RequestModel):
    """A quantity of one product, as a request names it."""

    sku: Sku
    quantity: Quantity


class QuantityRequest(RequestModel):
    """The new quantity of a line."""

    quantity: Quantity


class MergeRequest(RequestModel):
    """The guest whose cart is merged into the caller's."""

    guest_token: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,4096}$")]


class TakeRequest(RequestModel):
    """The lines of an order, to be taken out of the cart of its owner.

    Without lines nothing is taken, now or by a later request for this order.
    """

    order_id: OrderId
    subject: Subject
    lines: Annotated[list[Line], Field(max_length=MAX_LINES)]


class ReducedLine(ResponseModel):
    """A line that a merge had to cut to the limits. ``kept`` is 0 when it did not fit at all."""

    sku: str
    requested: int
    kept: int


class CartLine(ResponseModel):
    """A line of the cart."""

    sku: str
    quantity: Quantity


class Cart(ResponseModel):
    """The lines of a shopper's cart, ordered by SKU. A cart that never changed has version 0."""

    version: int = 0
    lines: tuple[CartLine, ...] = ()
    updated_at: datetime | None = None

    @classmethod
    def from_quantities(
        cls,
        quantities: Mapping[str, int | str],
        *,
        version: int | str,
        updated_at: datetime | None,
    ) -> Self:
        # In one validation; a `CartLine` validated by itself costs 1 µs.
        lines = [{"sku": sku, "quantity": count} for sku, count in sorted(quantities.items())]
        return cls.model_validate({"version": version, "lines": lines, "updated_at": updated_at})

    @property
    def stored(self) -> "StoredCart":
        at = None if self.updated_at is None else in_milliseconds(self.updated_at)
        return StoredCart(self.quantities, self.version, at)

    @property
    def quantities(self) -> dict[str, int]:
        return {line.sku: line.quantity for line in self.lines}

    def with_added(self, sku: str, quantity: int, *, at: datetime) -> "Cart":
        """Raises `CartLimit`."""
        return self.with_quantity(sku, self.quantities.get(sku, 0) + quantity, at=at)

    def with_quantity(self, sku: str, quantity: int, *, at: datetime) -> "Cart":
        """Raises `CartLimit`."""
        changed = self.quantities | {sku: quantity}
        if quantity > MAX_QUANTITY or len(changed) > MAX_LINES:
            raise CartLimit
        return self._next_version(changed, at)

    def without_item(self, sku: str, *, at: datetime) -> "Cart":
        return self._next_version({k: v for k, v in self.quantities.items() if k != sku}, at)

    def cleared(self, *, at: datetime) -> "Cart":
        return self._next_version({}, at)

    def merged_with(self, guest: "Cart", *, at: datetime) -> tuple["Cart", tuple[ReducedLine, ...]]:
        """Both carts in one. Lines that exceed a limit are cut and returned, not rejected."""
        merged = self.quantities
        reduced = []
        for line in guest.lines:
            requested = merged.get(line.sku, 0) + line.quantity
            fits = line.sku in merged or len(merged) < MAX_LINES
            kept = min(requested, MAX_QUANTITY) if fits else 0
            if kept:
                merged[line.sku] = kept
            if kept < requested:
                reduced.append(ReducedLine(sku=line.sku, requested=requested, kept=kept))
        return self._next_version(merged, at), tuple(reduced)

    def without_ordered(self, ordered: Iterable[Line], *, at: datetime) -> "Cart":
        """Without the ordered lines; pieces that were added since the order stay."""
        left = self.quantities
        for line in ordered:
            if line.sku in left:
                left[line.sku] -= line.quantity
        return self._next_version({sku: count for sku, count in left.items() if count > 0}, at)

    def _next_version(self, quantities: Mapping[str, int], at: datetime) -> "Cart":
        if quantities == self.quantities:
            return self
        return Cart.from_quantities(quantities, version=self.version + 1, updated_at=at)


class MergedCart(Cart):
    """The cart after a merge, and the lines that were cut to the limits."""

    notices: tuple[ReducedLine, ...] = ()

    @classmethod
    def of(cls, cart: Cart, reduced: Iterable[ReducedLine]) -> Self:
        return cls(
            version=cart.version,
            lines=cart.lines,
            updated_at=cart.updated_at,
            notices=tuple(reduced),
        )


class StoredCart(NamedTuple):
    """A cart as a store holds it. Busy routes send `json`, which needs no `Cart`.

    ``updated_at`` is in epoch milliseconds, and None if the cart never changed. Other numbers may
    be their decimal digits, as Valkey sends them.
    """

    quantities: Mapping[str, int | str]
    version: int | str = 0
    updated_at: int | None = None

    @property
    def cart(self) -> Cart:
        return Cart.from_quantities(
            self.quantities,
            version=self.version,
            updated_at=None if self.updated_at is None else moment(self.updated_at),
        )

    @property
    def json(self) -> bytes:
        """The JSON of `cart`, byte for byte, in a third of the time."""
        quantities = self.quantities
        # A SKU has no character that JSON escapes.
        lines = ",".join(
            [f'{{"sku":"{sku}","quantity":{quantities[sku]}}}' for sku in sorted(quantities)]
        )
        at = "null" if self.updated_at is None else f'"{moment_in_json(self.updated_at)}"'
        return f'{{"version":{self.version},"lines":[{lines}],"updated_at":{at}}}'.encode()


class TakeResponse(ResponseModel):
    """Whether the lines were taken; ``taken`` is false when they had been taken before."""

    order_id: str
    taken: bool
    version: int


class AddResult(NamedTuple):
    """The cart after an add. ``replayed``: an earlier request with the same key made the add."""

    stored: StoredCart
    replayed: bool = False

    @property
    def cart(self) -> Cart:
        return self.stored.cart
