"""The hidden fields of the checkout form: its idempotency key, and what the shopper agrees to."""

import re
from collections.abc import Mapping

from services.storefront.models import Money
from services.storefront.view_models.checkout_snapshot import CheckoutSnapshot, unpack_snapshot

_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
_AMOUNT = re.compile(r"[0-9]{1,15}")
_CURRENCY = re.compile(r"[A-Z]{3}")


def order_key(fields: Mapping[str, str]) -> str | None:
    """The order's idempotency key; None if it is not one that a page was given."""
    key = fields.get("order_key", "")
    return key if _KEY.fullmatch(key) else None


def agreed_total(fields: Mapping[str, str]) -> Money | None:
    """The total that the page showed; None if it is not an amount."""
    amount, currency = fields.get("amount", ""), fields.get("currency", "")
    if not (_AMOUNT.fullmatch(amount) and _CURRENCY.fullmatch(currency)):
        return None
    return Money(amount=int(amount), currency=currency)


def snapshot(fields: Mapping[str, str]) -> CheckoutSnapshot:
    """The lines that the page showed."""
    return unpack_snapshot(fields.get("agreed", ""))
