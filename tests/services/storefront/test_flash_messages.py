"""Flash messages: in a cookie between two pages, and as the second page shows them."""

import pytest

from services.storefront.models import Money, Product
from services.storefront.view_models.flash_messages import (
    FlashMessage,
    LineChange,
    flash_message_view,
    upstream_down,
)
from services.storefront.visit.flash_cookies import flash_cookie_name

ADDED = FlashMessage("added", LineChange("BIKE-1", 2, 5))


def bike(available: int) -> dict[str, Product]:
    price = Money(amount=1999, currency="EUR")
    product = Product(sku="BIKE-1", name="Fixed wheel", price=price, available=available)
    return {"BIKE-1": product}


@pytest.mark.parametrize(
    "message", [FlashMessage("bye"), ADDED, upstream_down("cart", reference="0123abcd")]
)
def test_a_message_comes_back_from_its_cookie(message: FlashMessage) -> None:
    assert FlashMessage.unpacked(message.packed()) == message


@pytest.mark.parametrize("value", ["", "made-up", "added~bike~1~1", "added~BIKE-1~1", "added."])
def test_a_value_that_is_not_ours_is_no_message(value: str) -> None:
    assert FlashMessage.unpacked(value) is None


@pytest.mark.parametrize(
    ("available", "text"),
    [
        (9, "2 × Fixed wheel. That makes 5."),
        (4, "2 × Fixed wheel: that makes 5, and there are only 4 left. Please take fewer."),
        (1, "2 × Fixed wheel: that makes 5, and there is only 1 left. Please take fewer."),
        (0, "2 × Fixed wheel: that makes 5, and there are none left. Please take fewer."),
    ],
)
def test_a_message_about_a_line_compares_it_with_the_stock(available: int, text: str) -> None:
    assert flash_message_view(ADDED, bike(available)).text == text


def test_a_message_about_an_unknown_product_has_no_name() -> None:
    assert flash_message_view(ADDED, {}).text == ""


def test_each_page_has_a_cookie_of_its_own_whatever_its_query() -> None:
    assert flash_cookie_name("/cart?x=1") == flash_cookie_name("/cart")
    assert flash_cookie_name("/cart") != flash_cookie_name("/orders")
