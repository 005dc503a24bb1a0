"""Which faults of the catalogue a soak may use."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cartwheel.chaos.catalogue import Fault, faults
from cartwheel.chaos.shop import Shop
from cartwheel.chaos.soak.schedule import Candidate
from cartwheel.local.topology import SHOP

STORES = {spec.name: spec.store for spec in SHOP}


def usable_faults(shop: Shop) -> Sequence[Fault]:
    """Those that are possible in this shop. Raises `UsageError`."""
    return [
        fault
        for fault in faults().values()
        if fault.problem_with(shop.stores, has_chaos=shop.has_chaos) is None
    ]


def candidate(fault: Fault, stores: str) -> Candidate:
    parts = {part for effect in fault.inject for part in parts_of(effect)}
    if stores == "real":
        # A fault of the store that several services share hits each of them.
        users = {name for name, store in STORES.items() if store in parts}
        parts |= users
    return Candidate(fault.id, fault.seconds, frozenset(parts))


def main_part(fault: Fault) -> str:
    """The service or store in whose lane the fault is shown: of an edge the one that is called."""
    return [*parts_of(fault.inject[0])][-1]


def parts_of(effect: Mapping[str, Any]) -> Iterator[str]:
    """The services and stores on which an effect acts."""
    if "edge" in effect:
        yield from effect["edge"].split("->")
    elif "process" in effect:
        yield effect["process"].split("-")[0]
    else:
        yield from (effect[name] for name in ("service", "store") if name in effect)
