"""The catalogue of faults is complete, and says nothing that is not there."""

import re
from pathlib import Path

import pytest

from cartwheel.chaos.catalogue import Fault, faults, find_fault, read_fault
from cartwheel.errors import UsageError
from cartwheel.local.topology import SHOP, by_name

ROOT = Path(__file__).parents[2]
SERVICES = by_name(SHOP)
EDGES = {f"{spec.name}->{upstream}" for spec in SHOP for upstream in spec.upstreams}
# Metrics of services are made in their own files; those of every service are in the library.
SOURCES = "".join(
    file.read_text()
    for folder in ("app", "services")
    for file in sorted((ROOT / folder).rglob("*.py"))
)
ALWAYS_THERE = {"up", "process_max_fds"}


def everything() -> list[Fault]:
    return list(faults().values())


@pytest.mark.parametrize("fault", everything(), ids=lambda fault: fault.id)
def test_a_symptom_is_measured_with_metrics_that_exist(fault: Fault) -> None:
    for name in fault.symptom.parsed.metric_names:
        family = re.sub("_(sum|count|bucket)$", "", name)
        assert name in ALWAYS_THERE or f'"{family}"' in SOURCES


@pytest.mark.parametrize("fault", everything(), ids=lambda fault: fault.id)
def test_effects_are_on_services_edges_and_stores_that_exist(fault: Fault) -> None:
    for effect in fault.inject:
        if "edge" in effect:
            assert effect["edge"] in EDGES
        service = effect.get("service") or effect.get("process", "").removesuffix("-*")
        assert not service or service in {*SERVICES, "valkey", "postgres"}


def test_a_symptom_is_due_before_its_fault_is_over() -> None:
    for fault in everything():
        assert fault.symptom.appears_within <= fault.seconds


def test_services_of_symptoms_exist() -> None:
    for fault in everything():
        for label in ("service", "upstream"):
            for name in re.findall(rf'{label}="([^"]*)"', fault.symptom.query):
                assert name in SERVICES


def test_both_store_sets_each_service_and_each_kind_of_thing_have_faults() -> None:
    assert {fault.needs.stores for fault in everything()} == {"any", "sqlite", "real"}
    assert {fault.area for fault in everything()} == {"stores", "network", "processes"}
    effects = [effect for fault in everything() for effect in fault.inject]
    processes = {effect.get("process", "").removesuffix("-*") for effect in effects}
    assert set(SERVICES) | {"valkey", "postgres"} <= processes


def test_only_what_needs_it_needs_a_shop_with_chaos() -> None:
    for fault in everything():
        assert fault.needs.chaos == any(
            effect["effect"] == "block_event_loop"
            or (effect["effect"] == "toxics" and "store" in effect)
            for effect in fault.inject
        )


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean cart-killed"):
        find_fault("cart-kiled")
    with pytest.raises(UsageError, match="see cartwheel chaos list"):
        find_fault("xyz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("secs: 4", "secs: Extra inputs are not permitted"),
        ("rows: [99]", "a key comes twice"),
        ("seconds: '4'", "a key comes twice"),
    ],
)
def test_a_file_is_read_strictly(tmp_path: Path, change: str, message: str) -> None:
    file = tmp_path / "cart-killed.yaml"
    source = ROOT / "cartwheel/chaos/catalogue/cart-killed.yaml"
    file.write_text(f"{source.read_text()}\n{change}\n")
    with pytest.raises(UsageError, match=message):
        read_fault(file)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rows: [26, 28]", "rows: [99]", "rows.0: Input should be less than or equal to 85"),
        ("seconds: 4", "seconds: '4'", "seconds: Input should be a valid number"),
        ("count(up", "topk(up", "symptom.query: "),
        ("above: 0.5", "unit: /s", "symptom: Value error, needs either above or below"),
        ("process: cart-*", "proces: cart-*", "inject: Value error, kill"),
        ("id: cart-killed", "id: cart-gone", "name the file like it"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    source = (ROOT / "cartwheel/chaos/catalogue/cart-killed.yaml").read_text()
    assert old in source
    file = tmp_path / "cart-killed.yaml"
    file.write_text(source.replace(old, new))
    with pytest.raises(UsageError, match=re.escape(message)):
        read_fault(file)
