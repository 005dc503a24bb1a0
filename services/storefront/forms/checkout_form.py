"""The fields of the checkout form: the address, and the hidden ones.

The hidden fields are the order's idempotency key, and the total and the lines that the page
showed, which the shopper agrees to.
"""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from app.models import Text
from services.storefront.countries import COUNTRIES, WITHOUT_POSTAL_CODES
from services.storefront.forms.validation import OTHERWISE, TOO_LONG, TOO_SHORT, FormModel, Messages
from services.storefront.models import Address, Money
from services.storefront.view_models.checkout_snapshot import CheckoutSnapshot, unpack_snapshot

_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
_AMOUNT = re.compile(r"[0-9]{1,15}")
_CURRENCY = re.compile(r"[A-Z]{3}")
UNKNOWN_COUNTRY = "unknown_country"
_COMMON = {
    TOO_LONG: "Please use at most {max_length} characters.",
    OTHERWISE: "Please use fewer, and only printable, characters here.",
}
_CHOOSE_COUNTRY = "Choose a country."


def _known(country: str) -> str:
    if country not in COUNTRIES:
        raise PydanticCustomError(UNKNOWN_COUNTRY, "not a country of the list")
    return country


class AddressForm(FormModel):
    """Where the order goes."""

    name: Annotated[str, Text(1, 100)] = ""
    line1: Annotated[str, Text(1, 200)] = ""
    line2: Annotated[str, Text(0, 200)] = ""
    city: Annotated[str, Text(1, 100)] = ""
    # Before the postal code, whose rule depends on it.
    country: Annotated[str, AfterValidator(_known)] = ""
    postal_code: Annotated[str, Text(0, 20)] = ""

    messages: ClassVar[Messages] = {
        "name": _COMMON | {TOO_SHORT: "Enter the name on the door."},
        "line1": _COMMON | {TOO_SHORT: "Enter street and number."},
        "line2": _COMMON,
        "postal_code": _COMMON | {TOO_SHORT: "Enter the postal code."},
        "city": _COMMON | {TOO_SHORT: "Enter the city."},
        "country": _COMMON | {UNKNOWN_COUNTRY: _CHOOSE_COUNTRY},
    }

    @field_validator("postal_code")
    @classmethod
    def _needed(cls, postal_code: str, info: ValidationInfo) -> str:
        if not postal_code and info.data.get("country") not in WITHOUT_POSTAL_CODES:
            raise PydanticCustomError(TOO_SHORT, "needed in this country")
        return postal_code

    @property
    def address(self) -> Address:
        return Address(
            name=self.name,
            line1=self.line1,
            line2=self.line2 or None,
            city=self.city,
            postal_code=self.postal_code or None,
            country=self.country,
        )


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
