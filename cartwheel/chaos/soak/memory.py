"""How much memory the services and stores of a shop use."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cartwheel.chaos.shop import Shop, Status
from cartwheel.chaos.soak.session import Memory

SAMPLES, INTERVAL = 5, 0.5


@dataclass(frozen=True)
class Sizes:
    """Of each part: its bytes, how many processes it has, and whether it is a store."""

    sizes: Mapping[str, int]
    processes: Mapping[str, int]
    stores: frozenset[str]


def measure(shop: Shop) -> Sizes:
    """The lowest of some samples under load: a password that is just hashed needs 19 MiB."""
    lowest: dict[str, int] = {}
    status = shop.status()
    for number in range(SAMPLES):
        if number:
            time.sleep(INTERVAL)
            status = shop.status()
        for name, size in _sizes(status).items():
            lowest[name] = min(size, lowest.get(name, size))
    processes = Counter(name for name, _ in _processes(status))
    stores = frozenset(one["service"] for one in status["servers"])
    return Sizes(lowest, processes, stores)


def memory_between(before: Sizes, after: Sizes) -> Sequence[Memory]:
    """Of each part."""
    return [
        Memory(name, name in after.stores, after.processes[name], before.sizes.get(name, 0), size)
        for name, size in after.sizes.items()
    ]


def _sizes(status: Status) -> Mapping[str, int]:
    found: defaultdict[str, int] = defaultdict(int)
    for name, size in _processes(status):
        found[name] += size
    return found


def _processes(status: Status) -> Iterator[tuple[str, int]]:
    for service in status["services"]:
        for replica in service["replicas"]:
            yield service["service"], replica["memory"]
    for server in status["servers"]:
        yield server["service"], server["memory"]
