"""What a checkout page showed, and what is different now: line by line, in words.

The page carries it in a field of its form. It is the shopper's own memory: what is ordered and
charged is decided by the order desk alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.storefront.models import SKU_PATTERN, CartLine, Money, Product
from services.storefront.money import spoken
from services.storefront.service import Basket

MAX_LINES = 100
_SEEN = re.compile(rf"({SKU_PATTERN})\.([0-9]{{1,2}})\.([0-9]{{1,15}})")


@dataclass(frozen=True, slots=True)
class SeenLine:
    """So many pieces, at so much each in the currency's minor unit."""

    quantity: int
    price: int


def pack_agreed(lines: Sequence[CartLine], known: Mapping[str, Product]) -> str:
    return "~".join(
        f"{line.sku}.{line.quantity}.{known[line.sku].price.amount}"
        for line in lines
        if line.sku in known
    )


def unpack_agreed(value: str) -> dict[str, SeenLine]:
    """What cannot be read is left out."""
    matches = (_SEEN.fullmatch(part) for part in value.split("~")[:MAX_LINES])
    return {match[1]: SeenLine(int(match[2]), int(match[3])) for match in matches if match}


def changes(seen: Mapping[str, SeenLine], basket: Basket) -> Sequence[str]:
    """What is no longer as it was seen: lines, quantities, prices and stock."""
    held = {line.sku: line.quantity for line in basket.cart.lines}
    gone = [sku for sku in seen if sku not in held]
    told = [
        change
        for sku, quantity in held.items()
        for change in _line_changes(basket.known.get(sku), sku, quantity, seen.get(sku))
    ]
    return told + [f"{_name(basket, sku)} is no longer in the cart." for sku in gone]


def _line_changes(
    product: Product | None, sku: str, quantity: int, before: SeenLine | None
) -> list[str]:
    if product is None:
        return [f"{sku} is no longer sold."]
    if before is None:
        return [f"{quantity} × {product.name} came into the cart."]
    told = []
    if quantity != before.quantity:
        told.append(f"{product.name}: {quantity} instead of {before.quantity}.")
    if product.price.amount != before.price:
        old = spoken(Money(amount=before.price, currency=product.price.currency))
        told.append(f"{product.name}: now {spoken(product.price)} each, before {old}.")
    if product.available < quantity:
        left = f"only {product.available} left" if product.available > 0 else "none left"
        told.append(f"{product.name}: {left}, and {quantity} are in the cart.")
    return told


def _name(basket: Basket, sku: str) -> str:
    product = basket.known.get(sku)
    return product.name if product else sku
