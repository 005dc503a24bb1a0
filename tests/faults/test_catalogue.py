"""Each fault of the catalogue in a running shop: it is seen, and nothing is lost.

What must hold meanwhile holds, and afterwards the shop is as before. The faults of one batch
happen one after the other to the same shop, under one load; the history is checked after each
batch. A batch is run by the first of its tests.
"""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cartwheel.chaos.catalogue import Fault, Hold, faults, find_fault
from cartwheel.chaos.plan import Planned
from cartwheel.chaos.run import Choice, RunResult, run_plan
from cartwheel.chaos.shop import Shop, StoreSet, own_shop
from cartwheel.chaos.story import Story
from cartwheel.local.faults.client import open_fault_session

# So many that a batch takes less than a minute.
BATCH = 6
RATE, SEED, PAUSE = 15.0, 7, 0.5
# Other tests run at the same time: everything may take so many times longer.
PATIENCE = 2.0

Figure = Callable[..., None]


class Batches:
    """The results of the faults that were selected, of one shop."""

    def __init__(self, shop: Shop, selected: Sequence[str], folder: Path) -> None:
        number = math.ceil(len(selected) / BATCH)
        self._batches = [selected[first::number] for first in range(number)]
        self._shop = shop
        self._folder = folder
        self._results: dict[str, RunResult | Exception] = {}

    def run_of(self, name: str) -> RunResult:
        """The run with this fault. A run that ends early is not repeated for its other faults."""
        if name not in self._results:
            batch = next(batch for batch in self._batches if name in batch)
            self._results |= dict.fromkeys(batch, self._result([find_fault(one) for one in batch]))
        result = self._results[name]
        if isinstance(result, Exception):
            raise result
        return result

    def _result(self, chosen: Sequence[Fault]) -> RunResult | Exception:
        try:
            return self._run(chosen)
        except Exception as error:
            return error

    def _run(self, chosen: Sequence[Fault]) -> RunResult:
        folder = self._folder / chosen[0].id
        folder.mkdir()
        plan = iter([Planned(fault, PAUSE) for fault in chosen])
        choice = Choice(plan, chosen, RATE, SEED)
        with open_fault_session(self._shop.state, "tests") as session:
            story = Story(Console(width=120))
            return asyncio.run(run_plan(choice, self._shop, session, story, folder=folder))


def batches_of(
    stores: StoreSet, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Batches]:
    test = f"test_a_fault_of_a_shop_with_{'sqlite' if stores == 'sqlite' else 'real_stores'}"
    selected = [
        item.callspec.params["name"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test
    ]
    with own_shop(stores) as shop:
        yield Batches(shop, selected, tmp_path_factory.mktemp(f"histories-{stores}"))


@pytest.fixture(scope="module")
def sqlite_batches(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Batches]:
    yield from batches_of("sqlite", request, tmp_path_factory)


@pytest.fixture(scope="module")
def real_batches(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Batches]:
    yield from batches_of("real", request, tmp_path_factory)


@pytest.mark.xdist_group("catalogue with sqlite")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("cart-disk-full", marks=pytest.mark.fault(12, store="sqlite")),
        pytest.param("cart-partitioned", marks=pytest.mark.fault(17, 23)),
        pytest.param("cart-store-locked", marks=pytest.mark.fault(13, store="sqlite")),
        pytest.param("cart-without-keys", marks=pytest.mark.fault(17, 23)),
        pytest.param("cart-without-products", marks=pytest.mark.fault(17)),
        pytest.param("checkout-without-cart", marks=pytest.mark.fault(7, 17)),
        pytest.param("narrow-products", marks=pytest.mark.fault(21)),
        pytest.param("orders-store-locked", marks=pytest.mark.fault(13, store="sqlite")),
        pytest.param("products-black-hole", marks=pytest.mark.fault(7, 17)),
        pytest.param("products-cut-off", marks=pytest.mark.fault(20)),
        pytest.param("products-hung", marks=pytest.mark.fault(17, 29)),
        pytest.param("products-killed", marks=pytest.mark.fault(17)),
        pytest.param("retries-exhausted", marks=pytest.mark.fault(17, 18)),
        pytest.param("slow-cart", marks=pytest.mark.fault(15)),
        pytest.param("slow-products", marks=pytest.mark.fault(21)),
        pytest.param("stock-resets", marks=pytest.mark.fault(18, 28)),
        pytest.param("stock-store-locked", marks=pytest.mark.fault(13, store="sqlite")),
        pytest.param("stock-unreachable", marks=pytest.mark.fault(17, 18)),
        pytest.param("storefront-few-files", marks=pytest.mark.fault(34)),
        pytest.param("storefront-killed", marks=pytest.mark.fault(26)),
        pytest.param("storefront-throttled", marks=pytest.mark.fault(31)),
        pytest.param("tracking-resets", marks=pytest.mark.fault(16, 18)),
        pytest.param("user-killed", marks=pytest.mark.fault(17)),
        pytest.param("user-partitioned", marks=pytest.mark.fault(17, 23)),
    ],
)
def test_a_fault_of_a_shop_with_sqlite(
    name: str, sqlite_batches: Batches, figure: Figure, request: pytest.FixtureRequest
) -> None:
    check_marker(name, request)
    check_run(name, sqlite_batches.run_of(name), figure)


@pytest.mark.xdist_group("catalogue with real stores")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("cart-clock-ahead", marks=pytest.mark.fault(32)),
        pytest.param("cart-hung", marks=pytest.mark.fault(29)),
        pytest.param("cart-killed", marks=pytest.mark.fault(26, 28)),
        pytest.param("cart-loop-blocked", marks=pytest.mark.fault(29)),
        pytest.param("cart-out-of-memory", marks=pytest.mark.fault(30)),
        pytest.param("cart-starts-without-store", marks=pytest.mark.fault(1, store="valkey")),
        pytest.param("cart-throttled", marks=pytest.mark.fault(31)),
        pytest.param("orders-tables-locked", marks=pytest.mark.fault(10, 11, store="postgres")),
        pytest.param("postgres-hung", marks=pytest.mark.fault(7, 8, store="postgres")),
        pytest.param("postgres-killed", marks=pytest.mark.fault(8, store="postgres")),
        pytest.param("products-store-slow", marks=pytest.mark.fault(3, 10, store="postgres")),
        pytest.param("tracking-killed", marks=pytest.mark.fault(28)),
        pytest.param("tracking-store-down", marks=pytest.mark.fault(8, 9, store="postgres")),
        pytest.param("user-store-black-hole", marks=pytest.mark.fault(7, store="postgres")),
        pytest.param("valkey-black-hole", marks=pytest.mark.fault(4, 7, store="valkey")),
        pytest.param("valkey-full", marks=pytest.mark.fault(5, store="valkey")),
        pytest.param("valkey-hung", marks=pytest.mark.fault(4, store="valkey")),
        pytest.param("valkey-killed", marks=pytest.mark.fault(2, store="valkey")),
        pytest.param("valkey-resets", marks=pytest.mark.fault(2, 7, store="valkey")),
        pytest.param("valkey-slow", marks=pytest.mark.fault(3, store="valkey")),
        pytest.param("valkey-without-replica", marks=pytest.mark.fault(6, store="valkey")),
    ],
)
def test_a_fault_of_a_shop_with_real_stores(
    name: str, real_batches: Batches, figure: Figure, request: pytest.FixtureRequest
) -> None:
    check_marker(name, request)
    check_run(name, real_batches.run_of(name), figure)


def test_each_fault_is_tested_with_stores_that_it_can_have() -> None:
    """Faults that need no certain stores are split between the two shops; a soak mixes all."""
    tested = {
        "sqlite": names_of(test_a_fault_of_a_shop_with_sqlite),
        "real": names_of(test_a_fault_of_a_shop_with_real_stores),
    }
    assert tested["sqlite"] | tested["real"] == set(faults())
    for stores, names in tested.items():
        assert {find_fault(name).needs.stores for name in names} == {"any", stores}


def names_of(test: Any) -> set[str]:
    (marker,) = (mark for mark in test.pytestmark if mark.name == "parametrize")
    return {param.values[0] for param in marker.args[1]}


def check_marker(name: str, request: pytest.FixtureRequest) -> None:
    marker = request.node.get_closest_marker("fault")
    assert marker is not None
    assert list(marker.args) == find_fault(name).rows


def patient(hold: Hold) -> Hold:
    """With more time for a response, and as many that must succeed."""
    if hold.responds_within is None:
        return hold
    return hold.model_copy(update={"responds_within": PATIENCE * hold.responds_within})


def check_run(name: str, run: RunResult, figure: Figure) -> None:
    result = next(one for one in run.faults if one.fault.id == name)
    assert result.problem is None
    fault, symptom = result.fault, result.symptom
    assert symptom.after is not None, f"{fault.symptom.query} was {symptom.value}"
    unmet = [hold for hold in fault.holds if not result.probes[hold.probe].meets(patient(hold))]
    assert unmet == [], result.probes
    assert result.recovery is not None, "it was never as before"
    assert result.recovery <= PATIENCE * fault.recovers_within
    assert [finding.sentence for finding in run.report.findings] == []
    assert run.report.undecided == []
    figure("as before after {:.1f} s", max(result.recovery or 0.0, 0.1))
