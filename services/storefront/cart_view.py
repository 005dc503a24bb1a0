"""The cart and checkout as pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.storefront.models import CartLine, Lookup, Money, Product
from services.storefront.money import spoken
from services.storefront.price_agreement import SeenLine
from services.storefront.service import Basket, Outage
from services.storefront.views import (
    Missing,
    Tone,
    kind_of,
    missing,
    price_change,
    product_path,
    things,
)
from services.storefront.web.forms import Form

NOTHING_TYPED = Form()


@dataclass(frozen=True, slots=True)
class Said:
    """A notice beside the line it concerns."""

    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """``typed`` is what its field shows: the quantity, or what was typed and not taken."""

    sku: str
    name: str
    quantity: int
    typed: str = ""
    kind: str = "any"
    path: str | None = None
    picture: str | None = None
    unit_price: str | None = None
    total: str | None = None
    notices: Sequence[Said] = ()


@dataclass(frozen=True, slots=True)
class BasketPage:
    """``amount`` and ``currency`` are what the shopper agrees to by ordering."""

    lines: Sequence[Line]
    count_words: str
    total: str | None
    amount: int
    currency: str
    not_orderable: str
    missing: Missing | None = None
    remembered: bool = False
    """It shows what the shopper saw, while nobody can tell what is in the cart."""

    @property
    def orderable(self) -> bool:
        return (self.remembered or bool(self.lines)) and not self.not_orderable


def basket_page(basket: Basket, seen: Mapping[str, int], form: Form = NOTHING_TYPED) -> BasketPage:
    """``seen`` is the price each SKU had when it was put in, where that is known."""
    count = basket.cart.count
    count_words = things(count)
    if isinstance(basket.goods, Outage):
        return BasketPage(
            lines=[
                Line(one.sku, one.sku, one.quantity, _typed(one, form)) for one in basket.cart.lines
            ],
            count_words=count_words,
            total=None,
            amount=0,
            currency="",
            not_orderable="Checkout opens when the prices are back.",
            missing=missing(basket.goods),
        )
    total = total_of(basket.cart.lines, basket.goods)
    return BasketPage(
        lines=[
            replace(_line(one, basket.goods, seen), typed=_typed(one, form))
            for one in basket.cart.lines
        ],
        count_words=count_words,
        total=spoken(total) if total else None,
        amount=total.amount if total else 0,
        currency=total.currency if total else "",
        not_orderable="Something in the cart needs a look first." if short_lines(basket) else "",
    )


def remembered_page(
    seen: Mapping[str, SeenLine], total: Money, known: Mapping[str, Product]
) -> BasketPage:
    """What a checkout page showed, for the time in which it cannot be looked up."""

    def line(sku: str, one: SeenLine) -> Line:
        together = Money(amount=one.price * one.quantity, currency=total.currency)
        name = known[sku].name if sku in known else sku
        return Line(sku, name, one.quantity, total=spoken(together))

    return BasketPage(
        lines=[line(sku, one) for sku, one in seen.items()],
        count_words="",
        total=spoken(total),
        amount=total.amount,
        currency=total.currency,
        not_orderable="",
        remembered=True,
    )


def total_of(lines: Sequence[CartLine], goods: Lookup) -> Money | None:
    """The sum of what is still sold; None if nothing of it is."""
    known = goods.by_sku
    priced = [(known[line.sku].price, line.quantity) for line in lines if line.sku in known]
    if not priced:
        return None
    amount = sum(price.amount * quantity for price, quantity in priced)
    return Money(amount=amount, currency=priced[0][0].currency)


def _typed(line: CartLine, form: Form) -> str:
    field = f"quantity-{line.sku}"
    kept = field in form.errors or form.trouble
    return form.values.get(field, str(line.quantity)) if kept else str(line.quantity)


def _line(line: CartLine, goods: Lookup, seen: Mapping[str, int]) -> Line:
    product = goods.by_sku.get(line.sku)
    if product is None:
        gone = Said("error", "No longer sold. Remove it to go on.")
        return Line(line.sku, line.sku, line.quantity, notices=[gone])
    path = product_path(product.sku)
    together = Money(amount=product.price.amount * line.quantity, currency=product.price.currency)
    return Line(
        sku=line.sku,
        name=product.name,
        quantity=line.quantity,
        kind=kind_of(product.category),
        path=path,
        picture=f"{path}/image.svg",
        unit_price=spoken(product.price),
        total=spoken(together),
        notices=_notices(line, product, seen.get(line.sku)),
    )


def _notices(line: CartLine, product: Product, seen: int | None) -> Sequence[Said]:
    notices = []
    if product.available <= 0:
        notices.append(Said("error", "Gone, back soon. Remove it to order the rest."))
    elif product.available < line.quantity:
        notices.append(Said("wait", f"Only {product.available} left. Please take fewer."))
    change = None if seen is None else price_change(seen, product.price)
    if change:
        notices.append(Said("wait", change))
    return notices


def short_lines(basket: Basket) -> Mapping[str, int]:
    """The lines of which there is not enough, and how much of each is left."""
    if isinstance(basket.goods, Outage):
        return {}
    known = basket.goods.by_sku
    left = {
        line.sku: known[line.sku].available if line.sku in known else 0
        for line in basket.cart.lines
    }
    return {
        line.sku: left[line.sku] for line in basket.cart.lines if left[line.sku] < line.quantity
    }
