"""How much memory the services and stores of a shop use."""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cartwheel.chaos.shop import Shop, Status, is_ready
from cartwheel.chaos.soak.session import Memory
from cartwheel.local.replica_process import State

SAMPLES, INTERVAL = 5, 0.5
READY_TIMEOUT = 30.0


@dataclass(frozen=True)
class Sizes:
    """The bytes of each process of each part, and which parts are stores."""

    parts: Mapping[str, Sequence[int]]
    stores: frozenset[str]


def measure(shop: Shop) -> Sizes:
    """Of each process the lowest of some samples: a password that is just hashed needs 19 MiB.

    Only samples in which all replicas are ready count: one that starts does not yet use its
    memory. Without so many of them in time, nothing is measured. Raises `CommandError`.
    """
    samples: list[Status] = []
    deadline = time.monotonic() + READY_TIMEOUT
    while len(samples) < SAMPLES and time.monotonic() < deadline:
        status = shop.status()
        # Processes that were replaced meanwhile are measured from the beginning.
        samples = [*samples, status] if _is_calm(status) else []
        time.sleep(INTERVAL)
    return _lowest(samples) if len(samples) == SAMPLES else Sizes({}, frozenset())


def memory_between(before: Sizes, after: Sizes) -> Sequence[Memory]:
    """Of each part that was measured before and after."""
    return [
        Memory(name, name in after.stores, len(sizes), sum(before.parts[name]), sum(sizes))
        for name, sizes in after.parts.items()
        if name in before.parts
    ]


def _lowest(samples: Sequence[Status]) -> Sizes:
    lowest: dict[tuple[str, str], int] = {}
    for status in samples:
        for process in _processes(status):
            key, size = (process["service"], process["replica"]), process["memory"]
            lowest[key] = min(size, lowest.get(key, size))
    parts: defaultdict[str, list[int]] = defaultdict(list)
    for (part, _), size in lowest.items():
        parts[part].append(size)
    return Sizes(parts, frozenset(one["service"] for one in samples[0]["servers"]))


def _is_calm(status: Status) -> bool:
    replicas = (one for service in status["services"] for one in service["replicas"])
    return is_ready(status) and all(one["state"] == State.READY for one in replicas)


def _processes(status: Status) -> Iterator[Mapping[str, Any]]:
    for service in status["services"]:
        for replica in service["replicas"]:
            yield {**replica, "service": service["service"]}
    yield from status["servers"]
