"""What a cart costs now, in whole minor units: no rounding anywhere."""

from collections.abc import Mapping, Sequence

from app.client import UpstreamBroken
from services.tracking.clients import CartLine, Product
from services.tracking.models import MAX_AMOUNT, Money, OrderLine, Quote, QuoteLine


def quote_for(
    lines: Sequence[CartLine], products: Mapping[str, Product], *, currency: str
) -> Quote:
    """What these lines cost now, to the minor unit. Raises `UpstreamBroken` on other money."""
    quoted = [_quote_line(line, products.get(line.sku), currency) for line in lines]
    amount = sum(line.unit_price.amount * line.quantity for line in quoted if line.unit_price)
    if amount > MAX_AMOUNT:
        raise UpstreamBroken("products", "its prices add up to more than an order can cost.")
    return Quote(total=Money(amount=amount, currency=currency), lines=quoted)


def _quote_line(line: CartLine, product: Product | None, currency: str) -> QuoteLine:
    if product is None:
        return QuoteLine(
            sku=line.sku, name=line.sku, quantity=line.quantity, unit_price=None, available=0
        )
    if product.price.currency != currency:
        raise UpstreamBroken("products", f"it sells in another currency than {currency}.")
    return QuoteLine(
        sku=line.sku,
        name=product.name,
        quantity=line.quantity,
        unit_price=Money(amount=product.price.amount, currency=currency),
        available=product.available,
    )


def is_available(quote: Quote) -> bool:
    return all(
        line.unit_price is not None and line.available >= line.quantity for line in quote.lines
    )


def as_ordered(quote: Quote) -> tuple[OrderLine, ...]:
    return tuple(
        OrderLine(sku=line.sku, name=line.name, quantity=line.quantity, unit_price=line.unit_price)
        for line in quote.lines
        if line.unit_price is not None
    )
