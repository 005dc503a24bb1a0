"""The currencies a shop can have, and the conversion of the catalogue's euro prices.

The rates are fixed round numbers, and results are rounded half up to the currency's smallest
unit. They make prices for a demo shop; they are no exchange rates.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal


@dataclass(frozen=True)
class Currency:
    """The digits after the decimal point (ISO 4217), and the units to one euro."""

    digits: int
    per_euro: Decimal


CURRENCIES = {
    "EUR": Currency(2, Decimal(1)),
    "CHF": Currency(2, Decimal(1)),
    "DKK": Currency(2, Decimal("7.5")),
    "GBP": Currency(2, Decimal("0.85")),
    "JPY": Currency(0, Decimal(160)),
    "KRW": Currency(0, Decimal(1500)),
    "NOK": Currency(2, Decimal(12)),
    "PLN": Currency(2, Decimal("4.25")),
    "SEK": Currency(2, Decimal(11)),
    "USD": Currency(2, Decimal("1.1")),
}


def check_currency(code: str) -> str:
    """The code, if the shop supports this currency. Raises ValueError."""
    if code not in CURRENCIES:
        raise ValueError(f"is not a currency of ours; allowed: {', '.join(CURRENCIES)}")
    return code


def from_euro_cents(cents: int, code: str) -> int:
    """The amount in the smallest unit of ``code``: 1999 → 1999 EUR, 3198 JPY."""
    currency = CURRENCIES[code]
    amount = Decimal(cents) / 100 * currency.per_euro * 10**currency.digits
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))
