"""Reading the cart page's form: quantities that were shown and typed, and the button pressed."""

import pytest

from services.storefront.forms.cart_form import CartFormFields, parse_quantity
from services.storefront.view_models.flash_messages import FlashMessage, LineChange

SHOWN = {
    "quantity-BIKE-1": "2",
    "was-BIKE-1": "2",
    "quantity-SKATE-1": "1",
    "was-SKATE-1": "1",
}


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({}, {}),
        ({"quantity-BIKE-1": "5"}, {"BIKE-1": 5}),
        ({"more": "BIKE-1"}, {"BIKE-1": 3}),
        ({"less": "SKATE-1"}, {"SKATE-1": 0}),
        ({"remove": "BIKE-1", "quantity-SKATE-1": "4"}, {"BIKE-1": 0, "SKATE-1": 4}),
        ({"quantity-BIKE-1": "99", "more": "BIKE-1"}, {"BIKE-1": 99}),
    ],
)
def test_only_what_was_changed_is_sent_on(fields: dict[str, str], changed: dict[str, int]) -> None:
    assert CartFormFields.read(SHOWN | fields).changed == changed


def test_a_field_that_cannot_be_read_does_not_stop_the_others() -> None:
    form = CartFormFields.read(SHOWN | {"quantity-BIKE-1": "many", "quantity-SKATE-1": "3"})
    assert form.unreadable == ["BIKE-1"]
    assert form.changed == {"SKATE-1": 3}


def test_a_removed_line_can_be_put_back() -> None:
    removed = CartFormFields.read(SHOWN | {"remove": "BIKE-1"})
    assert removed.flash == FlashMessage("removed", LineChange("BIKE-1", 2))
    restored = CartFormFields.read({"quantity-BIKE-1": "2", "put-back": "BIKE-1"})
    assert restored.flash == FlashMessage("put-back", LineChange("BIKE-1", 2, 2))


@pytest.mark.parametrize("text", ["", "-1", "1.5", "100", "0100", "²", "many"])
def test_what_is_no_quantity_is_none(text: str) -> None:
    assert parse_quantity(text) is None
