"""The catalogue, with what the running shop can have of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from cartwheel.chaos.catalogue import Fault, faults
from cartwheel.chaos.shop import Shop

# In the order of the first screen. What stops a store depends on the stores of the shop.
FEATURED: Mapping[str, Sequence[str]] = {
    "sqlite": [
        "cart-killed", "cart-hung", "slow-cart", "cart-partitioned", "cart-store-locked",
        "retries-exhausted",
    ],
    "real": [
        "cart-killed", "cart-hung", "slow-cart", "cart-partitioned", "valkey-hung",
        "retries-exhausted",
    ],
}  # fmt: skip
LABELS: Mapping[str, str] = {
    "cart-killed": "Kill replica",
    "cart-hung": "Hang replica",
    "slow-cart": "Slow edge",
    "cart-partitioned": "Cut edge",
    "cart-store-locked": "Lock store",
    "valkey-hung": "Stop store",
    "retries-exhausted": "Exhaust retries",
}
"""Two words each, for a button."""
NO_SHOP = "No shop runs here, or it is just starting."


def possibilities(shop: Shop | None) -> dict[str, Any]:
    """All faults as JSON; ``problem`` says why one is not possible in this shop."""
    stores = shop.stores if shop else "sqlite"
    return {
        "featured": [{"id": id, "label": LABELS[id]} for id in FEATURED[stores]],
        "faults": [fault_in(fault, shop) for fault in faults().values()],
    }


def fault_in(fault: Fault, shop: Shop | None) -> dict[str, Any]:
    """One fault, and the command that would allow it if it is not possible."""
    symptom = fault.symptom
    return {
        "id": fault.id,
        "title": fault.title,
        "area": fault.area,
        "breaks": fault.breaks,
        "symptom": {"sentence": symptom.sentence, "query": symptom.query, "unit": symptom.unit},
        "response": fault.response,
        "ends": fault.ends,
        "seconds": fault.seconds,
        "instant": fault.is_instant,
        "problem": problem_in(fault, shop),
        "remedy": _remedy(fault, shop),
    }


def problem_in(fault: Fault, shop: Shop | None) -> str | None:
    """Why this shop cannot have the fault; None if it can."""
    if shop is None:
        return NO_SHOP
    return fault.problem_with(shop.stores, has_chaos=shop.has_chaos)


def _remedy(fault: Fault, shop: Shop | None) -> str | None:
    """The command that starts a shop that can have it; None if it can, or none would."""
    if shop is None:
        return "make up"
    if not fault.problem_with(shop.stores, has_chaos=shop.has_chaos):
        return None
    stores = shop.stores if fault.needs.stores == "any" else fault.needs.stores
    if fault.problem_with(stores):
        return None
    flags = [f"--stores {stores}"] if stores != "sqlite" or shop.stores != "sqlite" else []
    if fault.needs.chaos or shop.has_chaos:
        flags.append("--chaos")
    return f'make up ARGS="{" ".join(flags)}"'
