"""The autoscaler of a running shop gets another manifest, and nothing restarts."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cartwheel.cli import app
from cartwheel.doctor.check import examine
from cartwheel.doctor.local import metrics
from cartwheel.doctor.local.machine import Machine
from cartwheel.errors import CommandError, UsageError
from cartwheel.explain.local import explain_local
from cartwheel.local.autoscaling.snapshot import Snapshot, snapshot_of
from cartwheel.local.control_socket import send_command
from cartwheel.recording import AutoscalerChanged, SessionStarted, read_recording
from cartwheel.simulation.replay import replay
from tests.cartwheel.autoscaling.scaled_shop import ARRIVALS, CPU
from tests.cartwheel.supervisor_process import SupervisorProcess, eventually

# On one worker, which starts the shop once.
pytestmark = pytest.mark.xdist_group("changes of a local autoscaler")

MANIFEST = ARRIVALS.read_text()
PAUSED = MANIFEST.replace(
    "  name: cart\n", '  name: cart\n  annotations: {autoscaling.keda.sh/paused: "true"}\n', 1
)


@pytest.fixture
def scaled(scaled_shop: SupervisorProcess) -> SupervisorProcess:
    """The shop with its first manifest, and the one replica that it settles on."""
    change(scaled_shop, MANIFEST)
    eventually(lambda: scaled_shop.service("cart")["desired"] == 1)
    return scaled_shop


def change(shop: SupervisorProcess, manifest: str, **more: str) -> Snapshot:
    return send(shop, {"command": "autoscaler", "manifest": manifest, **more})


def now(shop: SupervisorProcess) -> Snapshot:
    return send(shop, {"command": "autoscaler"})


def send(shop: SupervisorProcess, request: dict[str, Any]) -> Snapshot:
    return snapshot_of(send_command(shop.state / "control.sock", request, timeout=10))


def two_syncs(shop: SupervisorProcess) -> None:
    """Wait until the manifest in force has decided, and what it decided is there."""
    decided = eventually(lambda: (one := now(shop)).decided_by == one.manifest and one)
    assert decided.observation is not None
    at = decided.observation.at
    eventually(lambda: (seen := now(shop).observation) and seen.at > at)


def with_bounds(low: int, high: int, manifest: str = MANIFEST) -> str:
    lower = manifest.replace("minReplicaCount: 1", f"minReplicaCount: {low}")
    return lower.replace("maxReplicaCount: 3", f"maxReplicaCount: {high}")


def test_bounds_are_in_force_at_the_next_sync(scaled: SupervisorProcess) -> None:
    change(scaled, with_bounds(3, 5))
    eventually(lambda: len(scaled.endpoints()) == 3)
    scaled.wait_for_line("✓ cart +its autoscaler: minimum 1 → 3, maximum 3 → 5")
    status = scaled.status()["autoscaler"]
    assert (status["min"], status["max"]) == (3, 5)
    change(scaled, with_bounds(1, 2))
    eventually(lambda: len(scaled.replicas()) <= 2)


def test_what_is_in_force_is_told_with_what_it_was_at_the_start(scaled: SupervisorProcess) -> None:
    edited = with_bounds(2, 3)
    assert change(scaled, edited).manifest == edited
    found = eventually(lambda: (one := now(scaled)).decided_by == edited and one)
    assert (found.manifest, found.original) == (edited, MANIFEST)
    assert found.autoscaler.min_replicas == 2
    (explained,) = explain_local(scaled.state)
    assert explained.manifest == edited


def test_a_paused_one_keeps_its_count_and_explain_says_so(scaled: SupervisorProcess) -> None:
    change(scaled, with_bounds(3, 5, PAUSED))
    eventually(lambda: now(scaled).decided_by != MANIFEST)
    two_syncs(scaled)
    assert scaled.service("cart")["desired"] == 1
    assert scaled.status()["autoscaler"]["is_paused"]
    (explained,) = explain_local(scaled.state)
    assert any("pauses it" in one.text for one in explained.sentences)
    assert "paused" in scaled.command("status").stdout
    change(scaled, with_bounds(3, 5))
    eventually(lambda: scaled.service("cart")["desired"] == 3)


def test_it_can_go_on_with_another_metric(scaled: SupervisorProcess) -> None:
    change(scaled, CPU.read_text())
    eventually(lambda: "CPU at" in scaled.status()["autoscaler"]["metrics"])
    change(scaled, MANIFEST)
    eventually(lambda: "per replica" in scaled.status()["autoscaler"]["metrics"])


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda text: text.replace("maxReplicaCount", "maxReplicas"), "mine.yaml:9: spec.maxR"),
        (lambda text: with_bounds(1, 99, text), "has at most 32"),
        (lambda text: text.replace("{name: cart}", "{name: hats}"), "it scales hats"),
        (lambda text: text.replace("{name: cart}", "{name: storefront}"), "It scales storefront"),
        (lambda text: text.replace("type: prometheus", "type: kafka"), "a trigger kafka"),
        (lambda text: f"{text}---\n{text}", "it has 2 autoscalers"),
        (lambda text: text + "# " + "x" * 40_000, "the local run takes 32,768"),
        (lambda text: text + "# " + "x" * 2_000_000, "at most 1 MiB"),
        (lambda text: text + "# \ud800", "mine.yaml:29: is no text that UTF-8 can encode"),
        (lambda text: "kind: Service", "apiVersion: missing"),
        (lambda text: "", "neither a HorizontalPodAutoscaler nor a ScaledObject"),
        (lambda text: "a: &a [*a]\nb: *c", "no YAML"),
    ],
)
def test_one_that_cannot_be_used_is_refused_and_changes_nothing(
    scaled: SupervisorProcess, edit: Callable[[str], str], problem: str
) -> None:
    with pytest.raises(UsageError) as caught:
        change(scaled, edit(MANIFEST), source="mine.yaml")
    assert problem in str(caught.value)
    assert now(scaled).manifest == MANIFEST


def test_an_edit_of_a_manifest_that_is_not_in_force_any_more_is_refused(
    scaled: SupervisorProcess,
) -> None:
    change(scaled, with_bounds(1, 5))
    with pytest.raises(CommandError, match="has been changed meanwhile"):
        change(scaled, PAUSED, made_from=MANIFEST)
    assert now(scaled).manifest == with_bounds(1, 5)
    assert change(scaled, PAUSED, made_from=with_bounds(1, 5)).manifest == PAUSED


def test_the_recording_has_each_change_and_repeats(scaled: SupervisorProcess) -> None:
    for manifest in (with_bounds(2, 3), PAUSED, MANIFEST, MANIFEST.replace('"20"', '"10"')):
        change(scaled, manifest)
        eventually(lambda wanted=manifest: now(scaled).decided_by == wanted)
    entries = list(read_recording(scaled.state / "autoscaling.jsonl"))
    changes = [one for one in entries if isinstance(one, AutoscalerChanged)]
    assert [one.manifest for one in changes[-4:]][:2] == [with_bounds(2, 3), PAUSED]
    assert replay(entries).differences == []


def test_one_of_another_name_begins_anew(scaled: SupervisorProcess) -> None:
    change(scaled, MANIFEST.replace("  name: cart\n", "  name: mine\n", 1))
    eventually(lambda: now(scaled).autoscaler.name == "mine")
    entries = list(read_recording(scaled.state / "autoscaling.jsonl"))
    starts = [one.autoscaler.name for one in entries if isinstance(one, SessionStarted)]
    assert [name for name, _ in itertools.groupby(starts)][:2] == ["cart", "mine"]


def test_the_doctor_looks_at_what_is_in_force(scaled: SupervisorProcess) -> None:
    change(scaled, MANIFEST.replace("http_requests", "wheels"))
    (examination,) = examine([metrics.CHECK], Machine(scaled.state))
    assert "wheels_received_total" in examination.findings[0].evidence


def autoscale(shop: SupervisorProcess, *arguments: str) -> str:
    """What the command prints. Raises what it would say."""
    words = ["autoscale", f"--state-dir={shop.state}", *arguments]
    result = CliRunner().invoke(app, words, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_the_command_line_shows_changes_pauses_and_resumes(
    scaled: SupervisorProcess, tmp_path: Path
) -> None:
    assert autoscale(scaled) == autoscale(scaled, "--show") == MANIFEST
    file = tmp_path / "mine.yaml"
    file.write_text(with_bounds(1, 5))
    assert "cart: maximum 3 → 5, in force" in autoscale(scaled, str(file))
    assert now(scaled).manifest == with_bounds(1, 5)
    paused = " ".join(autoscale(scaled, "--pause").split())
    assert paused.startswith("cart: paused, in force from the next decision on.")
    assert "A restart begins with the first manifest again." in paused
    assert paused.endswith(" autoscale --show --state-dir " + f"{scaled.state} > autoscaler.yaml")
    again = " ".join(autoscale(scaled, "--pause").split())
    assert again == "cart: this is in force already; nothing changes."
    held = json.loads(autoscale(scaled, "--json"))
    assert (held["is_paused"], held["kind"], held["original"]) == (True, "scaledobject", MANIFEST)
    resumed = json.loads(autoscale(scaled, "--resume", "--json"))
    assert (resumed["changes"], resumed["manifest"]) == ("resumed", with_bounds(1, 5))


def test_the_command_line_refuses_what_cannot_be_used(
    scaled: SupervisorProcess, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(with_bounds(1, 99))
    with pytest.raises(UsageError, match=r"mine\.yaml: it asks for up to 99 replicas"):
        autoscale(scaled, str(file))
    file.write_text(MANIFEST + "# " + "x" * 2_000_000)
    with pytest.raises(UsageError, match=r"mine\.yaml: it has 2,000,\d+ characters; the local run"):
        autoscale(scaled, str(file))
    with pytest.raises(UsageError, match="No such file"):
        autoscale(scaled, "nothing.yaml")
    with pytest.raises(UsageError, match="cannot be turned off, but held"):
        autoscale(scaled, "off")
    with pytest.raises(UsageError, match="one of"):
        autoscale(scaled, "--pause", "--resume")
    with pytest.raises(CommandError, match="Nothing runs"):
        autoscale(replace(scaled, tmp_path), "--show")


def replace(shop: SupervisorProcess, state: Path) -> SupervisorProcess:
    return SupervisorProcess(shop.process, state, shop.state)
