"""The memory of a soak: of processes that are all ready, each for itself."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from cartwheel.chaos.soak import memory
from cartwheel.chaos.soak.memory import measure, memory_between


class FakeShop:
    """Responds with one status after the other, then always with the last one."""

    def __init__(self, *statuses: dict[str, Any]) -> None:
        self._statuses = self._one_by_one(statuses)

    def status(self) -> dict[str, Any]:
        return next(self._statuses)

    @staticmethod
    def _one_by_one(statuses: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        yield from statuses
        while True:
            yield statuses[-1]


def status_of(*sizes: int, state: str = "Ready") -> dict[str, Any]:
    """Of a cart with a replica for each size; the last one in this state."""
    states = ["Ready"] * (len(sizes) - 1) + [state]
    replicas = [
        {"replica": f"cart-{number}", "memory": size, "state": one}
        for number, (size, one) in enumerate(zip(sizes, states, strict=True))
    ]
    cart = {
        "service": "cart",
        "desired": len(sizes),
        "ready": states.count("Ready"),
        "replicas": replicas,
    }
    valkey = {"service": "valkey", "replica": "valkey", "memory": 9, "state": "Ready"}
    return {"services": [cart], "servers": [valkey]}


@pytest.fixture(autouse=True)
def is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "INTERVAL", 0.001)
    monkeypatch.setattr(memory, "READY_TIMEOUT", 0.5)


def sizes_of(*statuses: dict[str, Any]) -> Any:
    shop: Any = FakeShop(*statuses)
    return measure(shop)


def test_the_lowest_of_each_process_counts() -> None:
    sizes = sizes_of(status_of(30, 40), status_of(40, 30), status_of(35, 35))
    assert sizes.parts == {"cart": [30, 30], "valkey": [9]}
    assert sizes.stores == {"valkey"}


def test_a_replica_that_starts_is_waited_for() -> None:
    starting = status_of(50, 3, state="Starting")
    sizes = sizes_of(status_of(20, 20), starting, starting, status_of(50, 60))
    assert sizes.parts["cart"] == [50, 60]


def test_a_shop_that_does_not_get_ready_is_not_measured() -> None:
    before = sizes_of(status_of(50, 60))
    after = sizes_of(status_of(50, 3, state="Starting"))
    assert memory_between(before, after) == []


def test_parts_are_compared_by_all_their_processes() -> None:
    cart, valkey = memory_between(sizes_of(status_of(50, 50)), sizes_of(status_of(60, 60)))
    assert (cart.before, cart.after, cart.processes, cart.growth) == (100, 120, 2, 1.2)
    assert valkey.is_store
