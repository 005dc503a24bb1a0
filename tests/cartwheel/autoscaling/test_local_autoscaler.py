"""The autoscaler of the local run, at work on a sample shop."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from cartwheel.autoscaling.keda import KedaAutoscaler
from cartwheel.autoscaling.spec import ExternalMetric, Target, TargetType
from cartwheel.local.autoscaling.chosen import choose_autoscaler
from cartwheel.local.autoscaling.snapshot import snapshot_of
from cartwheel.local.control_socket import send_command
from cartwheel.recording import ReplicasChanged, SessionStarted, Synced, read_recording
from cartwheel.recording.entries import ENTRIES
from tests.cartwheel.autoscaling.scaled_shop import ARRIVALS, CPU, QUICK
from tests.cartwheel.conftest import Start
from tests.cartwheel.supervisor_process import SupervisorProcess, eventually
from tests.cartwheel.test_running_shop import Caller

# On one worker, which starts the shop once.
pytestmark = pytest.mark.xdist_group("local autoscaler")


@pytest.fixture(scope="module")
def caller(scaled_shop: SupervisorProcess) -> Caller:
    """A caller that made the cart grow to three and has gone: it has shrunk to one again."""
    eventually(lambda: len(scaled_shop.endpoints()) == 1)
    with Caller(scaled_shop.service("cart")["url"]) as caller:
        eventually(lambda: len(scaled_shop.endpoints()) == 3)
    eventually(lambda: len(scaled_shop.endpoints()) == 1)
    return caller


def test_the_cart_grows_with_its_load_and_shrinks_after_it_and_loses_no_request(
    scaled_shop: SupervisorProcess, caller: Caller
) -> None:
    scaled_shop.wait_for_line(
        r"! cart +\d → 3, \d+(\.\d+)? requests/s is .* per replica \(target 20\)"
    )
    assert caller.failures == []


def test_status_shows_metric_target_and_bounds(scaled_shop: SupervisorProcess) -> None:
    eventually(lambda: len(scaled_shop.endpoints()) == 1)
    shown = scaled_shop.command("status").stdout
    assert re.search(r"Autoscaler: cart, .* per replica \(target 20\): desired 1 \(1 to 3\)", shown)


def test_a_count_set_by_hand_is_corrected(scaled_shop: SupervisorProcess) -> None:
    eventually(lambda: len(scaled_shop.endpoints()) == 1)
    by_hand = scaled_shop.command("scale", "cart", "5")
    assert by_hand.returncode == 0
    assert "its autoscaler" in by_hand.stdout.lower()
    scaled_shop.wait_for_line("! cart +5 → 3, the maximum is 3")
    eventually(lambda: len(scaled_shop.replicas()) == 1)


def test_zero_replicas_set_by_hand_pause_it_until_there_is_one_again(
    scaled_shop: SupervisorProcess,
) -> None:
    by_hand = scaled_shop.command("scale", "cart", "0")
    assert "Without a replica its autoscaler decides nothing." in by_hand.stdout
    eventually(lambda: "target is zero" in scaled_shop.status()["autoscaler"]["metrics"])
    assert scaled_shop.service("cart")["desired"] == 0
    scaled_shop.scale_cart(1)
    eventually(lambda: "per replica" in scaled_shop.status()["autoscaler"]["metrics"])


def test_what_it_is_and_did_last_is_there_for_explain(scaled_shop: SupervisorProcess) -> None:
    response = send_command(
        scaled_shop.state / "control.sock", {"command": "autoscaler"}, timeout=10
    )
    snapshot = snapshot_of(response)
    assert snapshot.as_json() == response
    assert snapshot.service == "cart"
    assert {pod.name for pod in snapshot.observation.pods} >= scaled_shop.endpoints()
    assert snapshot.decision.proposals[0].metric == ExternalMetric(
        "s0-prometheus",
        Target(TargetType.AVERAGE_VALUE, 20_000),
        "scaledobject.keda.sh/name=cart",
    )
    assert snapshot.units == {"s0-prometheus": "requests/s"}


def test_a_restart_does_not_disturb_it(scaled_shop: SupervisorProcess) -> None:
    eventually(lambda: len(scaled_shop.replicas()) == 1)
    assert scaled_shop.command("restart", "cart").returncode == 0
    eventually(lambda: len(scaled_shop.endpoints()) == len(scaled_shop.replicas()) == 1)


def test_a_replica_that_hangs_is_reported_and_the_autoscaler_goes_on(
    scaled_shop: SupervisorProcess,
) -> None:
    eventually(lambda: len(scaled_shop.replicas()) == 1)
    victim = scaled_shop.replicas()[0]
    scaled_shop.post(victim, "hang")
    scaled_shop.wait_for_line(f"✗ cart +{victim['replica']} does not respond to a scrape")
    assert any(victim["replica"] in problem for problem in scaled_shop.status()["problems"])
    scaled_shop.wait_for_line("✗ cart +the autoscaler has no value: the query returned nothing")
    scaled_shop.wait_for_line("! cart +1 → 2, fallback, because the query returned nothing")
    scaled_shop.wait_for_line("✓ cart +the autoscaler has a value again")
    eventually(lambda: not scaled_shop.status()["problems"])


@pytest.mark.usefixtures("caller")
def test_a_recorded_session_replayed_gives_the_same_decisions(
    scaled_shop: SupervisorProcess,
) -> None:
    autoscaler = None
    replayed = 0
    for entry in read_recording(scaled_shop.state / "autoscaling.jsonl"):
        if isinstance(entry, SessionStarted):
            autoscaler = KedaAutoscaler(entry.autoscaler, entry.options)
        elif isinstance(entry, Synced):
            again = replace(entry, decision=autoscaler.sync(entry.observation))
            assert ENTRIES.dump_json(again) == ENTRIES.dump_json(entry)
            replayed += entry.decision.desired != entry.decision.current
    assert replayed >= 2


@pytest.mark.usefixtures("caller")
def test_the_recording_has_each_change_of_the_replicas(scaled_shop: SupervisorProcess) -> None:
    entries = read_recording(scaled_shop.state / "autoscaling.jsonl")
    changes = [entry for entry in entries if isinstance(entry, ReplicasChanged)]
    assert {change.service for change in changes} == {"cart"}
    assert {1, 2, 3} <= {change.ready for change in changes}
    assert {0, 1} <= {change.serving for change in changes}
    assert all(a != replace(b, at=a.at) for a, b in pairwise(changes))


def test_the_cart_scales_on_the_cpu_time_of_its_processes(start: Start) -> None:
    run = start(**QUICK, CARTWHEEL_AUTOSCALE=str(CPU)).ready()
    with Caller(run.service("cart")["url"]):
        run.wait_for_line(r"! cart +\d → 3, CPU at \d+ % of its request \(target 60 %\)")
        eventually(lambda: len(run.endpoints()) == 3)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("minReplicaCount", "minReplicas"), "mine.yaml:8: spec.minReplicas: unknown field"),
        (("maxReplicaCount: 3", "maxReplicaCount: 99"), "has at most 32"),
        (("name: cart}", "name: hats}"), "it scales hats; the services are cart, storefront"),
        (("type: prometheus", "type: kafka"), "cannot measure a trigger kafka"),
        (("rate(", "deriv("), "deriv"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_at_the_start(
    tmp_path: Path, start: Start, change: tuple[str, str], problem: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(ARRIVALS.read_text().replace(*change))
    run = start(CARTWHEEL_AUTOSCALE=str(file))
    assert run.exit_code() == 2
    assert run.output.count("\n") == 1
    assert problem in run.output


def test_the_manifests_of_the_cluster_can_be_used() -> None:
    for mode in ("cpu", "requests"):
        chosen = choose_autoscaler(mode, ["cart"])
        assert chosen.service == "cart"
        assert chosen.requests["app"]["cpu"] == 25
    assert choose_autoscaler("off", ["cart"]) is None
