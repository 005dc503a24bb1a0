"""Amounts as people write them."""

import re

from services.storefront.models import Money

MINOR_DIGITS = {"BHD": 3, "CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "KWD": 3, "TND": 3, "VND": 0}
"""ISO 4217 exponents other than 2."""
SYMBOLS = {"EUR": "€", "GBP": "£", "JPY": "¥", "USD": "$", "KRW": "₩", "INR": "₹"}
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def format_money(money: Money) -> str:
    """€1,234.50, ¥1,200, CHF 12.00: exact, from whole minor units."""
    digits = MINOR_DIGITS.get(money.currency, 2)
    whole, part = divmod(abs(money.amount), 10**digits)
    number = f"{whole:,}" + (f".{part:0{digits}}" if digits else "")
    sign = "−" if money.amount < 0 else ""
    symbol = SYMBOLS.get(money.currency, money.currency + NO_BREAK_SPACE)
    return f"{sign}{symbol}{number}"


def format_decimal(money: Money) -> str:
    """1234.50, 1200: for programs."""
    digits = MINOR_DIGITS.get(money.currency, 2)
    whole, part = divmod(money.amount, 10**digits)
    return f"{whole}.{part:0{digits}}" if digits else str(whole)


def parse_amount(typed: str, currency: str) -> int | None:
    """Minor units of 49, 49.5 or 49,50 as people type them; None for what is no amount."""
    digits = MINOR_DIGITS.get(currency, 2)
    match = re.fullmatch(rf"([0-9]{{1,9}})(?:[.,]([0-9]{{1,{max(digits, 1)}}}))?", typed)
    if match is None or (match[2] and not digits):
        return None
    return int(match[1] + (match[2] or "").ljust(digits, "0"))
