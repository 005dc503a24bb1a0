"""Words for what a fault needs, and for what must hold."""

from collections.abc import Mapping
from typing import Any

from cartwheel.chaos.catalogue import Hold, Needs

PROBES = {
    "home": "the home page",
    "browse": "the list of products",
    "cart-read": "reading the cart",
    "cart-add": "adding to the cart",
    "account": "reading the account",
    "orders": "reading the orders",
    "checkout": "placing an order",
}


def describe_needs(needs: Needs) -> str:
    """As flags of `cartwheel up`; empty if any shop will do."""
    parts = []
    if needs.stores != "any":
        parts.append(f"--stores {needs.stores}")
    if needs.chaos:
        parts.append("--chaos")
    if needs.platform != "any":
        parts.append(needs.platform.capitalize())
    parts += needs.programs
    return ", ".join(parts)


def describe_effect(effect: Mapping[str, Any]) -> str:
    """throttle: process cart-*, share 0.1."""
    parts = [f"{name} {_value(value)}" for name, value in effect.items() if name != "effect"]
    return f"{effect['effect']}: {', '.join(parts)}"


def _value(value: object) -> str:
    """A list of toxics, or a plain value."""
    if not isinstance(value, list):
        return str(value)
    toxics = (", ".join(f"{name} {one}" for name, one in each.items()) for each in value)
    return " and ".join(f"({toxic})" for toxic in toxics)


def describe_hold(hold: Hold) -> str:
    """the home page succeeds always and responds within 3 s."""
    parts = []
    if hold.ok_at_least is not None:
        share = "always" if hold.ok_at_least == 1 else f"in {hold.ok_at_least:.0%} of all cases"
        parts.append(f"succeeds {share}")
    if hold.responds_within is not None:
        parts.append(f"responds within {hold.responds_within:g} s")
    return f"{PROBES[hold.probe]} {' and '.join(parts)}"
