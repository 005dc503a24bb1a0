"""The messages of the checkout page when an order was declined, or may not have been placed."""

from collections.abc import Mapping

from services.storefront.page_parts import UpstreamName

CHANGED = "A price or the stock changed while you were here."
LOOK_AGAIN = "Nothing was ordered. Please look at the new total."

_WAS_IT_ORDERED: Mapping[UpstreamName, str] = {
    # The first three are called before an order exists.
    "products": "Nothing was ordered.",
    "cart": "Nothing was ordered.",
    "user": "Nothing was ordered this time.",
    "tracking": "We cannot tell yet whether it was ordered.",
}
_DECLINED = {
    "quote-changed": (CHANGED, LOOK_AGAIN),
    "out-of-stock": (
        "Somebody was faster: not all of it is left.",
        "Nothing was ordered. Please look at what is left.",
    ),
    "payment-declined": (
        "The payment was declined.",
        "Nothing was charged. Nothing was ordered, and your cart is as it was.",
    ),
}
_OTHERWISE = (
    "The order could not be placed.",
    "Nothing was ordered or charged. Please try again.",
)


def declined_order(kind: str) -> tuple[str, str]:
    """Problem and advice for an order that tracking declined."""
    return _DECLINED.get(kind, _OTHERWISE)


def unknown_outcome(failed: UpstreamName) -> str:
    """The advice where an upstream failed. The same key makes another attempt harmless."""
    return (
        f"{_WAS_IT_ORDERED[failed]} Your cart is safe. "
        "Press the button again: it will not become two orders."
    )
