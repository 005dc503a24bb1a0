"""There is one price rule: `services/tracking/pricing.py`.

The storefront adds a cart up to show its total, and the load scenarios to order one. Both send the
sum as `expected_total`, and tracking refuses an order for another total. So they follow its rule.
"""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest import scenarios
from loadtest.messages import Response
from services.storefront import models as storefront
from services.storefront.service import PricedCart
from services.tracking import clients as tracking
from services.tracking.pricing import quote_for

SKUS = [f"SKU-{number}" for number in range(8)]

carts = st.dictionaries(st.sampled_from(SKUS), st.integers(1, 99), min_size=1)
prices = st.dictionaries(st.sampled_from(SKUS), st.integers(0, 10**9))
currencies = st.sampled_from(["EUR", "JPY", "BHD"])


@pytest.mark.fault(55)
@given(cart=carts, sold=prices, currency=currencies)
def test_a_cart_costs_the_same_wherever_it_is_added_up(
    cart: Mapping[str, int], sold: Mapping[str, int], currency: str
) -> None:
    total = ordered(cart, sold, currency)
    if sold.keys() & cart.keys():
        assert shown(cart, sold, currency) == total
        assert loaded(cart, sold, currency) == total
    else:
        assert shown(cart, sold, currency) is None
        assert total["amount"] == loaded(cart, sold, currency)["amount"] == 0


def ordered(cart: Mapping[str, int], sold: Mapping[str, int], currency: str) -> dict[str, object]:
    lines = [tracking.CartLine(sku=sku, quantity=quantity) for sku, quantity in cart.items()]
    products = {
        sku: tracking.Product(
            sku=sku,
            name="A thing",
            price=tracking.Price(amount=price, currency=currency),
            available=99,
        )
        for sku, price in sold.items()
    }
    return quote_for(lines, products, currency=currency).total.model_dump()


def shown(
    cart: Mapping[str, int], sold: Mapping[str, int], currency: str
) -> dict[str, object] | None:
    lines = [storefront.CartLine(sku=sku, quantity=quantity) for sku, quantity in cart.items()]
    lookup = storefront.Lookup(
        items=[
            storefront.Product(
                sku=sku,
                name="A thing",
                price=storefront.Money(amount=price, currency=currency),
                available=99,
            )
            for sku, price in sold.items()
            if sku in cart
        ]
    )
    total = PricedCart(storefront.Cart(lines=tuple(lines)), lookup).total
    return total and total.model_dump()


def loaded(cart: Mapping[str, int], sold: Mapping[str, int], currency: str) -> dict[str, object]:
    """What a shopper of the load generator offers to pay."""
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in cart.items()]
    items = [
        {"sku": sku, "price": {"amount": price, "currency": currency}}
        for sku, price in sold.items()
        if sku in cart
    ]
    asking = scenarios._total({})
    next(asking)
    asking.send(Response(200, json.dumps({"lines": lines}).encode()))
    try:
        asking.send(Response(200, json.dumps({"items": items}).encode()))
    except StopIteration as done:
        return dict(done.value)
    raise AssertionError("it asks for more")
