"""The price rule: a total is exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracking.clients import CartLine, Price, Product
from services.tracking.pricing import quote_for


@pytest.mark.fault(55)
@given(
    lines=st.lists(
        st.tuples(st.integers(1, 99), st.integers(0, 10_000_000), st.booleans()), max_size=100
    ),
    currency=st.sampled_from(["EUR", "JPY", "BHD"]),
)
def test_a_total_is_the_exact_sum_of_its_lines(
    lines: list[tuple[int, int, bool]], currency: str
) -> None:
    cart = [CartLine(sku=f"SKU-{n}", quantity=line[0]) for n, line in enumerate(lines)]
    products = {
        f"SKU-{n}": Product(
            sku=f"SKU-{n}", name="x", price=Price(amount=price, currency=currency), available=99
        )
        for n, (_, price, is_sold) in enumerate(lines)
        if is_sold
    }
    quote = quote_for(cart, products, currency=currency)
    assert quote.total.currency == currency
    assert quote.total.amount == sum(q * price for q, price, is_sold in lines if is_sold)
