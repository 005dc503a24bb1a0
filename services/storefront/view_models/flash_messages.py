"""Flash messages: what a page says about the one before. A cookie names a message of this file.

A message about a line of the cart also carries the line's SKU and quantities. The product's name
and stock come from the page that shows the message, never from the cookie.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.storefront.models import MAX_LINES, MAX_QUANTITY, SKU_PATTERN, Product
from services.storefront.page_parts import UpstreamName
from services.storefront.view_models.tone import Tone

_PACKED = re.compile(
    r"(?P<name>[a-z-]{1,40})"
    rf"(?:~(?P<sku>{SKU_PATTERN})~(?P<changed>[0-9]{{1,2}})~(?P<in_cart>[0-9]{{1,2}}))?"
    r"(?:\.(?P<reference>[A-Za-z0-9._-]{1,64}))?"
)


@dataclass(frozen=True, slots=True)
class LineChange:
    """``changed`` pieces of a product were added or removed; ``in_cart`` are there now."""

    sku: str
    changed: int
    in_cart: int = 0


@dataclass(frozen=True, slots=True)
class FlashMessage:
    """A message on its way to the next page. ``reference`` is the id of a failed request."""

    name: str
    line: LineChange | None = None
    reference: str = ""

    @property
    def is_about_missing_part(self) -> bool:
        return self.name.endswith("-down")

    def packed(self) -> str:
        line = self.line
        about = f"~{line.sku}~{line.changed}~{line.in_cart}" if line else ""
        return self.name + about + (f".{self.reference}" if self.reference else "")

    @classmethod
    def unpacked(cls, value: str) -> "FlashMessage | None":
        """None for a value that `packed` did not make."""
        match = _PACKED.fullmatch(value)
        if match is None or match["name"] not in _TEXTS:
            return None
        line = (
            LineChange(match["sku"], int(match["changed"]), int(match["in_cart"]))
            if match["sku"]
            else None
        )
        return cls(match["name"], line, match["reference"] or "")


def upstream_down(upstream: UpstreamName, *, reference: str = "") -> FlashMessage:
    return FlashMessage(f"{upstream}-down", reference=reference)


@dataclass(frozen=True, slots=True)
class FlashMessageView:
    """``undo`` is the line that a button puts back."""

    tone: Tone
    title: str
    text: str = ""
    request_id: str | None = None
    link: tuple[str, str] | None = None
    undo: LineChange | None = None


TO_THE_CART = ("See the cart", "/cart")

_TEXTS = {
    "added": FlashMessageView("good", "In the cart.", link=TO_THE_CART),
    "put-back": FlashMessageView("good", "Back in the cart."),
    "cart-limit": FlashMessageView(
        "wait",
        "That is more than a cart holds.",
        f"Up to {MAX_QUANTITY} of a kind, and {MAX_LINES} kinds. Nothing was changed.",
    ),
    "too-many-guests": FlashMessageView(
        "wait",
        "Too many new visitors come from your network just now.",
        "Nothing was changed. Please try again in a minute.",
    ),
    "no-longer-sold": FlashMessageView("wait", "That is no longer sold.", "Nothing was changed."),
    "quantity": FlashMessageView(
        "wait", f"Quantities go from 1 to {MAX_QUANTITY}.", "Nothing was changed."
    ),
    "updated": FlashMessageView("good", "The cart is up to date."),
    "removed": FlashMessageView("good", "Removed."),
    "cart-down": FlashMessageView(
        "wait", "The cart is not answering.", "What is in it is safe. Please try again."
    ),
    "products-down": FlashMessageView(
        "wait", "The shelves are not answering.", "Nothing was changed. Please try again."
    ),
    "user-down": FlashMessageView(
        "wait", "The front desk is not answering.", "Nothing was changed. Please try again."
    ),
    "tracking-down": FlashMessageView(
        "wait", "The order desk is not answering.", "Please try again: twice is as good as once."
    ),
    "session-over": FlashMessageView(
        "wait", "You are no longer logged in.", "Nothing was changed. Please log in to go on."
    ),
    "welcome": FlashMessageView("good", "Welcome."),
    "welcome-cart": FlashMessageView("good", "Welcome. Your cart came with you."),
    "welcome-cut": FlashMessageView(
        "wait",
        "Welcome. Your cart came with you, but not all of it fitted.",
        f"A cart holds up to {MAX_QUANTITY} of a kind, and {MAX_LINES} kinds.",
    ),
    "welcome-later": FlashMessageView(
        "wait",
        "Welcome. Your cart could not come with you just now.",
        "The cart is not answering. Please log in once more when it is back.",
    ),
    "again": FlashMessageView("good", "All of it is in the cart once more."),
    "account-changed": FlashMessageView("good", "Saved."),
    "password-changed": FlashMessageView(
        "good", "Your password is changed.", "Everywhere else you are logged out."
    ),
    "bye": FlashMessageView("good", "You are logged out."),
    "log-in-first": FlashMessageView(
        "wait", "Please log in to go on.", "Your cart stays as it is."
    ),
    "log-in-to-order": FlashMessageView(
        "wait", "Please log in to go on.", "Nothing was ordered. The address is kept."
    ),
    "ordered": FlashMessageView("good", "Thank you. Your order is placed."),
    "ordered-pending": FlashMessageView(
        "wait",
        "Your order is in our books, and we are working on it.",
        "This page will say when it is confirmed.",
    ),
    "cancelled": FlashMessageView("good", "The order is cancelled."),
    "not-cancelled": FlashMessageView(
        "wait", "This order can no longer be cancelled.", "It is already on the road."
    ),
    "this-order": FlashMessageView(
        "wait",
        "Your cart was ordered already. This is the order.",
        "Nothing was ordered twice. If this order is cancelled, the cart can be ordered again.",
    ),
    "already-ordered": FlashMessageView(
        "wait", "This form was sent before.", "If the order went through, it is in this list."
    ),
}


def flash_message_view(message: FlashMessage, products: Mapping[str, Product]) -> FlashMessageView:
    """``products`` are what the page knows of the products that the message may be about."""
    view = replace(_TEXTS[message.name], request_id=message.reference or None)
    if message.line is None:
        return view
    if message.name == "removed":
        view = replace(view, undo=message.line)
    product = products.get(message.line.sku)
    return view if product is None else _about_line(view, message.line, product)


def _about_line(view: FlashMessageView, line: LineChange, product: Product) -> FlashMessageView:
    what = f"{line.changed} × {product.name}"
    if line.in_cart > product.available:
        return replace(
            view,
            tone="wait",
            title="In the cart, but more than there is.",
            text=f"{what}: that makes {line.in_cart}, and {_are_left(product.available)} left. "
            "Please take fewer.",
        )
    more = f" That makes {line.in_cart}." if line.in_cart > line.changed else ""
    return replace(view, text=f"{what}.{more}")


def _are_left(available: int) -> str:
    if available <= 0:
        return "there are none"
    return "there is only 1" if available == 1 else f"there are only {available}"
