"""What a page says about the one before it. Only these words: a cookie names one of them.

A notice about a line of the cart also carries its SKU and quantities. The product's name and
stock come from the page that shows the notice, never from the cookie.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from services.storefront.models import SKU_PATTERN, Product

_FLASH = re.compile(
    r"(?P<name>[a-z-]{1,40})"
    rf"(?:~(?P<sku>{SKU_PATTERN})~(?P<quantity>[0-9]{{1,2}})~(?P<held>[0-9]{{1,2}}))?"
    r"(?:\.(?P<reference>[A-Za-z0-9._-]{1,64}))?"
)


@dataclass(frozen=True, slots=True)
class Pieces:
    """So many pieces of a product that a notice is about; ``held``: so many are in the cart."""

    sku: str
    quantity: int
    held: int = 0


@dataclass(frozen=True, slots=True)
class Flash:
    """A notice on its way to the next page."""

    name: str
    pieces: Pieces | None = None
    reference: str = ""

    @property
    def is_outage(self) -> bool:
        return self.name.endswith("-down")

    def packed(self) -> str:
        about = self.pieces
        counted = f"~{about.sku}~{about.quantity}~{about.held}" if about else ""
        return self.name + counted + (f".{self.reference}" if self.reference else "")

    @classmethod
    def unpacked(cls, value: str) -> "Flash | None":
        """None for what we never wrote."""
        match = _FLASH.fullmatch(value)
        if match is None or match["name"] not in _NOTICES:
            return None
        pieces = (
            Pieces(match["sku"], int(match["quantity"]), int(match["held"]))
            if match["sku"]
            else None
        )
        return cls(match["name"], pieces, match["reference"] or "")


@dataclass(frozen=True, slots=True)
class Notice:
    tone: Literal["good", "wait", "error"]
    title: str
    text: str = ""
    request_id: str | None = None
    link: tuple[str, str] | None = None
    undo: Pieces | None = None


TO_THE_CART = ("See the cart", "/cart")


_NOTICES = {
    "added": Notice("good", "In the cart.", link=TO_THE_CART),
    "put-back": Notice("good", "Back in the cart."),
    "cart-limit": Notice(
        "wait",
        "That is more than a cart holds.",
        "Up to 99 of a kind, and 100 kinds. Nothing was changed.",
    ),
    "too-many-guests": Notice(
        "wait",
        "Too many new visitors come from your network just now.",
        "Nothing was changed. Please try again in a minute.",
    ),
    "no-longer-sold": Notice("wait", "That is no longer sold.", "Nothing was changed."),
    "quantity": Notice("wait", "Quantities go from 1 to 99.", "Nothing was changed."),
    "updated": Notice("good", "The cart is up to date."),
    "removed": Notice("good", "Removed."),
    "cart-down": Notice(
        "wait", "The cart is not answering.", "What is in it is safe. Please try again."
    ),
    "products-down": Notice(
        "wait", "The shelves are not answering.", "Nothing was changed. Please try again."
    ),
    "user-down": Notice(
        "wait", "The front desk is not answering.", "Nothing was changed. Please try again."
    ),
    "tracking-down": Notice(
        "wait", "The order desk is not answering.", "Please try again: twice is as good as once."
    ),
    "session-over": Notice(
        "wait", "You are no longer logged in.", "Nothing was changed. Please log in to go on."
    ),
    "welcome": Notice("good", "Welcome."),
    "welcome-cart": Notice("good", "Welcome. Your cart came with you."),
    "welcome-cut": Notice(
        "wait",
        "Welcome. Your cart came with you, but not all of it fitted.",
        "A cart holds up to 99 of a kind, and 100 kinds.",
    ),
    "welcome-later": Notice(
        "wait",
        "Welcome. Your cart could not come with you just now.",
        "The cart is not answering. Please log in once more when it is back.",
    ),
    "again": Notice("good", "All of it is in the cart once more."),
    "account-changed": Notice("good", "Saved."),
    "password-changed": Notice(
        "good", "Your password is changed.", "Everywhere else you are logged out."
    ),
    "bye": Notice("good", "You are logged out."),
    "log-in-first": Notice("wait", "Please log in to go on.", "Your cart stays as it is."),
    "log-in-to-order": Notice(
        "wait", "Please log in to go on.", "Nothing was ordered. The address is kept."
    ),
    "ordered": Notice("good", "Thank you. Your order is placed."),
    "ordered-pending": Notice(
        "wait",
        "Your order is in our books, and we are working on it.",
        "This page will say when it is confirmed.",
    ),
    "cancelled": Notice("good", "The order is cancelled."),
    "not-cancelled": Notice(
        "wait", "This order can no longer be cancelled.", "It is already on the road."
    ),
    "this-order": Notice(
        "wait",
        "Your cart was ordered already. This is the order.",
        "Nothing was ordered twice. If this order is cancelled, the cart can be ordered again.",
    ),
    "already-ordered": Notice(
        "wait", "This form was sent before.", "If the order went through, it is in this list."
    ),
}


def notice_of(flash: Flash, goods: Mapping[str, Product]) -> Notice:
    """The words. ``goods`` is what the page knows of the product that the notice may be about."""
    notice = replace(_NOTICES[flash.name], request_id=flash.reference or None)
    if flash.pieces is None:
        return notice
    if flash.name == "removed":
        notice = replace(notice, undo=flash.pieces)
    product = goods.get(flash.pieces.sku)
    if product is None:
        return notice
    return _about(notice, flash.pieces, product)


def _are_left(available: int) -> str:
    if available <= 0:
        return "there are none"
    return "there is only 1" if available == 1 else f"there are only {available}"


def _about(notice: Notice, pieces: Pieces, product: Product) -> Notice:
    what = f"{pieces.quantity} × {product.name}"
    if pieces.held > product.available:
        left = _are_left(product.available)
        return replace(
            notice,
            tone="wait",
            title="In the cart, but more than there is.",
            text=f"{what}: that makes {pieces.held}, and {left} left. Please take fewer.",
        )
    more = f" That makes {pieces.held}." if pieces.held > pieces.quantity else ""
    return replace(notice, text=f"{what}.{more}")
