"""The cart and checkout as pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.storefront.models import CartLine, Money, Product
from services.storefront.money import format_money
from services.storefront.page_parts import MissingPart
from services.storefront.paths import product_path
from services.storefront.service import PricedCart
from services.storefront.view_models.checkout_snapshot import CheckoutSnapshot, SnapshotLine
from services.storefront.view_models.form import Form
from services.storefront.view_models.item_count import format_item_count
from services.storefront.view_models.missing_parts import MissingPartView, missing_part_view
from services.storefront.view_models.product import image_path, kind_of
from services.storefront.view_models.tone import Tone

EMPTY_FORM = Form()


@dataclass(frozen=True, slots=True)
class LineMessage:
    """A message beside the line it concerns."""

    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class LineView:
    """``typed`` is what its field shows: the quantity, or what was typed and not taken."""

    sku: str
    name: str
    quantity: int
    typed: str = ""
    kind: str = "any"
    path: str | None = None
    image_path: str | None = None
    unit_price: str | None = None
    total: str | None = None
    messages: Sequence[LineMessage] = ()


@dataclass(frozen=True, slots=True)
class CartView:
    """``amount`` and ``currency`` are what the shopper agrees to by ordering."""

    lines: Sequence[LineView]
    count: str
    total: str | None
    amount: int
    currency: str
    not_orderable: str
    missing: MissingPartView | None = None
    is_snapshot: bool = False
    """It shows what the checkout page showed before, while the cart cannot be read."""

    @property
    def is_orderable(self) -> bool:
        return (self.is_snapshot or bool(self.lines)) and not self.not_orderable


def cart_view(cart: PricedCart, seen: Mapping[str, int], form: Form = EMPTY_FORM) -> CartView:
    """``seen`` is the price each SKU had when it was put in, where that is known."""
    if isinstance(cart.lookup, MissingPart):
        return _unpriced_view(cart, cart.lookup, form)
    total = cart.total
    return CartView(
        lines=[
            replace(
                _line_view(line, cart.products.get(line.sku), seen.get(line.sku)),
                typed=_typed(line, form),
            )
            for line in cart.lines
        ],
        count=format_item_count(cart.count),
        total=format_money(total) if total else None,
        amount=total.amount if total else 0,
        currency=total.currency if total else "",
        not_orderable="Something in the cart needs a look first." if cart.short_stock else "",
    )


def snapshot_view(
    snapshot: CheckoutSnapshot, total: Money, products: Mapping[str, Product]
) -> CartView:
    """What a checkout page showed, for as long as the cart cannot be read."""

    def line_view(sku: str, line: SnapshotLine) -> LineView:
        line_total = Money(amount=line.price * line.quantity, currency=total.currency)
        name = products[sku].name if sku in products else sku
        return LineView(sku, name, line.quantity, total=format_money(line_total))

    return CartView(
        lines=[line_view(sku, line) for sku, line in snapshot.items()],
        count="",
        total=format_money(total),
        amount=total.amount,
        currency=total.currency,
        not_orderable="",
        is_snapshot=True,
    )


def _unpriced_view(cart: PricedCart, missing: MissingPart, form: Form) -> CartView:
    return CartView(
        lines=[
            LineView(line.sku, line.sku, line.quantity, _typed(line, form)) for line in cart.lines
        ],
        count=format_item_count(cart.count),
        total=None,
        amount=0,
        currency="",
        not_orderable="Checkout opens when the prices are back.",
        missing=missing_part_view(missing),
    )


def _typed(line: CartLine, form: Form) -> str:
    field = f"quantity-{line.sku}"
    was_not_taken = field in form.errors or form.problem
    return form.values.get(field, str(line.quantity)) if was_not_taken else str(line.quantity)


def _line_view(line: CartLine, product: Product | None, seen: int | None) -> LineView:
    if product is None:
        no_longer_sold = LineMessage("error", "No longer sold. Remove it to go on.")
        return LineView(line.sku, line.sku, line.quantity, messages=[no_longer_sold])
    return LineView(
        sku=line.sku,
        name=product.name,
        quantity=line.quantity,
        kind=kind_of(product.category),
        path=product_path(product.sku),
        image_path=image_path(product.sku),
        unit_price=format_money(product.price),
        total=format_money(product.price.times(line.quantity)),
        messages=_messages(line, product, seen),
    )


def _messages(line: CartLine, product: Product, seen: int | None) -> Sequence[LineMessage]:
    messages = []
    if product.available <= 0:
        messages.append(LineMessage("error", "Gone, back soon. Remove it to order the rest."))
    elif product.available < line.quantity:
        messages.append(LineMessage("wait", f"Only {product.available} left. Please take fewer."))
    change = None if seen is None else _price_change(seen, product.price)
    if change:
        messages.append(LineMessage("wait", change))
    return messages


def _price_change(before: int, now: Money) -> str | None:
    if before == now.amount:
        return None
    difference = format_money(Money(amount=abs(now.amount - before), currency=now.currency))
    direction = "went up" if now.amount > before else "came down"
    return f"The price {direction} by {difference} since you added it."
