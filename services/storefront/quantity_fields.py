"""The quantities of a cart's page: what stood there, what was typed, which button was pressed.

Only what was changed is sent on, so that another tab's changes of other lines stay.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from services.storefront.flash_messages import Pieces
from services.storefront.models import SKU_PATTERN

MOST = 99
_TYPED = re.compile(rf"quantity-({SKU_PATTERN})")
STEPS = {"less": -1, "more": 1}


@dataclass(frozen=True, slots=True)
class Quantities:
    """``before`` and ``wanted`` by SKU; ``unreadable`` are the lines without a quantity."""

    before: Mapping[str, int]
    wanted: Mapping[str, int]
    unreadable: Collection[str]
    put_back: str = ""

    @classmethod
    def read(cls, form: Mapping[str, str]) -> "Quantities":
        typed = {
            match[1]: value for name, value in form.items() if (match := _TYPED.fullmatch(name))
        }
        before = {sku: quantity_of(form.get(f"was-{sku}", "")) or 0 for sku in typed}
        wanted = {sku: _pressed(form, sku, quantity_of(value)) for sku, value in typed.items()}
        return cls(
            before={sku: count for sku, count in before.items() if count},
            wanted={sku: count for sku, count in wanted.items() if count is not None},
            unreadable=[sku for sku, count in wanted.items() if count is None],
            put_back=form.get("put-back", ""),
        )

    @property
    def changed(self) -> Mapping[str, int]:
        return {
            sku: count for sku, count in self.wanted.items() if count != self.before.get(sku, 0)
        }

    @property
    def summary(self) -> tuple[str, Pieces | None]:
        """The notice that says what happened, and to which line."""
        match [*self.changed.items()]:
            case [(sku, 0)]:
                return "removed", Pieces(sku, self.before[sku])
            case [(sku, count)] if sku == self.put_back:
                return "put-back", Pieces(sku, count, count)
        return "updated", None

    def typed_in(self, form: Mapping[str, str]) -> Mapping[str, str]:
        """The form with what the pressed button made of its quantities."""
        return {**form, **{f"quantity-{sku}": str(count) for sku, count in self.wanted.items()}}


def quantity_of(text: str) -> int | None:
    """A whole number from 0 to the most that a line holds."""
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        return None
    return int(text) if int(text) <= MOST else None


def _pressed(form: Mapping[str, str], sku: str, quantity: int | None) -> int | None:
    """The quantity after the button that was pressed for this line."""
    if form.get("remove") == sku:
        return 0
    step = sum(by for name, by in STEPS.items() if form.get(name) == sku)
    if quantity is None or not step:
        return quantity
    return min(MOST, max(0, quantity + step))
