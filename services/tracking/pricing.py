"""The price rule: what a cart costs now.

An order costs the sum of unit price times quantity over its lines, in whole minor units of one
currency. Nothing is rounded. The shopper sends the total they have seen; a checkout with another
total is refused with a fresh quote.
"""

from collections.abc import Mapping, Sequence

from app.client import UpstreamBroken
from services.tracking.clients import CartLine, Product
from services.tracking.models import MAX_AMOUNT, Money, OrderLine, Quote, QuoteLine


def quote_for(
    lines: Sequence[CartLine], products: Mapping[str, Product], *, currency: str
) -> Quote:
    """The price of these lines. Raises `UpstreamBroken` for prices in another currency."""
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
    """Whether every line is sold, and in stock in that quantity."""
    return all(
        line.unit_price is not None and line.available >= line.quantity for line in quote.lines
    )


def order_lines(quote: Quote) -> tuple[OrderLine, ...]:
    """The lines of an order at the prices of the quote."""
    return tuple(
        OrderLine(sku=line.sku, name=line.name, quantity=line.quantity, unit_price=line.unit_price)
        for line in quote.lines
        if line.unit_price is not None
    )
