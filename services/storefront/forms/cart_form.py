"""The cart page's form: what its quantity fields held, what was typed, and the button pressed.

Only what was changed is sent on, so that the changes of another tab to other lines stay.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from services.storefront.models import MAX_LINES, MAX_QUANTITY, SKU_PATTERN, Cart, CartLine
from services.storefront.view_models.flash_messages import FlashMessage, LineChange

MAX_FIELDS = 2 * MAX_LINES + 56
"""Two fields for each line, and room for those of the whole form."""
_QUANTITY_FIELD = re.compile(rf"quantity-({SKU_PATTERN})")
_STEP_BUTTONS = {"less": -1, "more": 1}


@dataclass(frozen=True, slots=True)
class CartFormFields:
    """Quantities by SKU: ``shown`` by the page, and ``new``. ``unreadable`` are lines without one.

    ``restored`` is the SKU of a removed line that is put back.
    """

    shown: Mapping[str, int]
    new: Mapping[str, int]
    unreadable: Collection[str]
    restored: str = ""

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> "CartFormFields":
        typed = {
            match[1]: value
            for name, value in fields.items()
            if (match := _QUANTITY_FIELD.fullmatch(name))
        }
        shown = {sku: parse_quantity(fields.get(f"was-{sku}", "")) for sku in typed}
        new = {
            sku: _after_button(fields, sku, parse_quantity(value)) for sku, value in typed.items()
        }
        return cls(
            shown={sku: count for sku, count in shown.items() if count},
            new={sku: count for sku, count in new.items() if count is not None},
            unreadable=[sku for sku, count in new.items() if count is None],
            restored=fields.get("put-back", ""),
        )

    @property
    def changed(self) -> Mapping[str, int]:
        return {sku: count for sku, count in self.new.items() if count != self.shown.get(sku, 0)}

    @property
    def shown_cart(self) -> Cart:
        lines = (CartLine(sku=sku, quantity=count) for sku, count in self.shown.items())
        return Cart(lines=tuple(lines))

    @property
    def flash(self) -> FlashMessage:
        """What was changed, and in which line."""
        match [*self.changed.items()]:
            case [(sku, 0)]:
                return FlashMessage("removed", LineChange(sku, self.shown[sku]))
            case [(sku, count)] if sku == self.restored:
                return FlashMessage("put-back", LineChange(sku, count, count))
        return FlashMessage("updated")

    def fields_after_button(self, fields: Mapping[str, str]) -> Mapping[str, str]:
        """The fields, with what the pressed button made of the quantities."""
        return {**fields, **{f"quantity-{sku}": str(count) for sku, count in self.new.items()}}


def parse_quantity(text: str) -> int | None:
    """A whole number from 0 to the most that a line holds."""
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        return None
    return int(text) if int(text) <= MAX_QUANTITY else None


def _after_button(fields: Mapping[str, str], sku: str, quantity: int | None) -> int | None:
    """The quantity after the button that was pressed for this line."""
    if fields.get("remove") == sku:
        return 0
    step = sum(by for name, by in _STEP_BUTTONS.items() if fields.get(name) == sku)
    if quantity is None or not step:
        return quantity
    return min(MAX_QUANTITY, max(0, quantity + step))
