"""What a checkout page showed, and what is said to have changed since."""

import pytest

from services.storefront.models import Cart, CartLine, Lookup, Money, Product
from services.storefront.service import PricedCart
from services.storefront.view_models.checkout_snapshot import (
    SnapshotLine,
    changes_since,
    pack_snapshot,
    unpack_snapshot,
)

SHOWN = {"BIKE-1": SnapshotLine(2, 1999)}


def cart(quantity: int, *, price: int = 1999, available: int = 9) -> PricedCart:
    bike = Product(
        sku="BIKE-1",
        name="Fixed wheel",
        price=Money(amount=price, currency="EUR"),
        available=available,
    )
    lines = (CartLine(sku="BIKE-1", quantity=quantity),) if quantity else ()
    return PricedCart(Cart(lines=lines), Lookup(items=[bike]))


def test_a_snapshot_comes_back_from_its_form_field() -> None:
    shown = cart(2)
    assert unpack_snapshot(pack_snapshot(shown.lines, shown.products)) == SHOWN


@pytest.mark.parametrize("value", ["", "made-up", "bike.1.1", "BIKE-1.1", "BIKE-1.1.x"])
def test_what_cannot_be_read_is_skipped(value: str) -> None:
    assert unpack_snapshot(f"{value}~BIKE-1.2.1999") == SHOWN


@pytest.mark.parametrize(
    ("now", "changes"),
    [
        (cart(2), []),
        (cart(3), ["Fixed wheel: 3 instead of 2."]),
        (cart(2, price=2499), ["Fixed wheel: now €24.99 each, before €19.99."]),
        (cart(2, available=1), ["Fixed wheel: only 1 left, and 2 are in the cart."]),
        (cart(2, available=0), ["Fixed wheel: none left, and 2 are in the cart."]),
        (cart(0), ["Fixed wheel is no longer in the cart."]),
    ],
)
def test_each_change_is_said_of_its_line(now: PricedCart, changes: list[str]) -> None:
    assert changes_since(SHOWN, now) == changes


def test_a_line_that_came_in_since_is_said_too() -> None:
    assert changes_since({}, cart(2)) == ["2 × Fixed wheel came into the cart."]
