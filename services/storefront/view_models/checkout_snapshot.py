"""What a checkout page showed, and what has changed since: line by line, in words.

The page carries it in a field of its form. It only serves to tell the shopper what changed: the
tracking service alone decides what is ordered and charged.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.storefront.models import MAX_LINES, SKU_PATTERN, CartLine, Money, Product
from services.storefront.money import format_money
from services.storefront.service import PricedCart

_PACKED_LINE = re.compile(rf"({SKU_PATTERN})\.([0-9]{{1,2}})\.([0-9]{{1,15}})")


@dataclass(frozen=True, slots=True)
class SnapshotLine:
    """So many of a product, each at this price in the currency's minor unit."""

    quantity: int
    price: int


CheckoutSnapshot = Mapping[str, SnapshotLine]
"""The lines by SKU."""


def pack_snapshot(lines: Sequence[CartLine], products: Mapping[str, Product]) -> str:
    return "~".join(
        f"{line.sku}.{line.quantity}.{products[line.sku].price.amount}"
        for line in lines
        if line.sku in products
    )


def unpack_snapshot(value: str) -> CheckoutSnapshot:
    """What cannot be read is skipped."""
    matches = (_PACKED_LINE.fullmatch(part) for part in value.split("~")[:MAX_LINES])
    return {match[1]: SnapshotLine(int(match[2]), int(match[3])) for match in matches if match}


def changes_since(snapshot: CheckoutSnapshot, cart: PricedCart) -> Sequence[str]:
    """Which lines, quantities, prices and stocks are no longer as the page showed them."""
    quantities = {line.sku: line.quantity for line in cart.lines}
    changes = [
        change
        for sku, quantity in quantities.items()
        for change in _line_changes(cart.products.get(sku), sku, quantity, snapshot.get(sku))
    ]
    removed = [sku for sku in snapshot if sku not in quantities]
    return changes + [f"{_name(cart, sku)} is no longer in the cart." for sku in removed]


def _line_changes(
    product: Product | None, sku: str, quantity: int, before: SnapshotLine | None
) -> list[str]:
    if product is None:
        return [f"{sku} is no longer sold."]
    if before is None:
        return [f"{quantity} × {product.name} came into the cart."]
    changes = []
    if quantity != before.quantity:
        changes.append(f"{product.name}: {quantity} instead of {before.quantity}.")
    if product.price.amount != before.price:
        old = format_money(Money(amount=before.price, currency=product.price.currency))
        changes.append(f"{product.name}: now {format_money(product.price)} each, before {old}.")
    if product.available < quantity:
        left = f"only {product.available} left" if product.available > 0 else "none left"
        changes.append(f"{product.name}: {left}, and {quantity} are in the cart.")
    return changes


def _name(cart: PricedCart, sku: str) -> str:
    product = cart.products.get(sku)
    return product.name if product else sku
