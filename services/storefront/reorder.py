"""Putting the lines of an order in the cart again, as far as they are still sold."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.storefront.clients import RequestDeclined
from services.storefront.idempotency_keys import reorder_key
from services.storefront.models import Order, OrderLine, Product
from services.storefront.page_parts import MissingPart
from services.storefront.service import Storefront


@dataclass(frozen=True, slots=True)
class SkippedLine:
    """A line of an order that could not be put in the cart, or not all of it."""

    name: str
    reason: str


async def reorder(
    storefront: Storefront, bearer: str, order: Order, *, key: str
) -> Sequence[SkippedLine]:
    """Add every line of the order. The same ``key`` adds once. Returns what was skipped.

    Raises `SignedOut` and `UpstreamError`.
    """
    lookup = await storefront.lookup([line.sku for line in order.lines])
    skipped = []
    for line in order.lines:
        quantity = line.quantity
        # If products cannot be looked up, all lines are added: the cart page shows what is gone.
        if not isinstance(lookup, MissingPart):
            product = lookup.by_sku.get(line.sku)
            quantity = min(line.quantity, product.available if product else 0)
            if quantity < line.quantity:
                skipped.append(SkippedLine(line.name, _reason(product, line)))
        if quantity > 0:
            reason = await _add(storefront, bearer, line.sku, quantity, key=key)
            if reason:
                skipped.append(SkippedLine(line.name, reason))
    return skipped


async def _add(storefront: Storefront, bearer: str, sku: str, quantity: int, *, key: str) -> str:
    """Why it was declined; nothing if it was not."""
    try:
        await storefront.carts.add(bearer, sku, quantity, key=reorder_key(key, sku))
    except RequestDeclined as declined:
        return "a cart holds no more" if declined.kind == "cart-limit" else "no longer sold"
    return ""


def _reason(product: Product | None, line: OrderLine) -> str:
    if product is None:
        return "no longer sold"
    if product.available <= 0:
        return "gone, back soon"
    return f"only {product.available} of {line.quantity} left, and those are in the cart"
