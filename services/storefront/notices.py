"""What a page says about the one before it. Only these words: a cookie names one of them."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Notice:
    tone: Literal["good", "wait", "error"]
    title: str
    text: str = ""
    request_id: str | None = None


_NOTICES = {
    "added": Notice("good", "In the cart.", "It will wait there for you."),
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
    "welcome": Notice("good", "Welcome. Your cart came with you."),
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
    "bye": Notice("good", "You are logged out."),
    "log-in-first": Notice("wait", "Please log in to go on.", "Your cart stays as it is."),
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
    "orders-down": Notice(
        "wait", "The order desk is not answering.", "Nothing was changed. Please try again."
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


def notice_named(name: str, *, reference: str | None = None) -> Notice | None:
    """None for a name that we never wrote."""
    notice = _NOTICES.get(name)
    if notice is None or reference is None:
        return notice
    return Notice(notice.tone, notice.title, notice.text, reference)
