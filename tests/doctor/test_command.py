"""`cartwheel doctor` as a person calls it: with no cluster, no kubectl, a typing error."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cartwheel.supervisor_process import ROOT, environment
from tests.cartwheel.test_installation import without_the_shop

Run = subprocess.CompletedProcess[str]
ACCESS_REFUSED = (
    'echo "The connection to the server 127.0.0.1:6443 was refused - did you specify the right '
    'host or port?" >&2; exit 1'
)
CONFIGURATION = '{"contexts": [{"name": "prod", "context": {"namespace": "shop"}}]}'
SILENT_CLUSTER = f"case \"$*\" in *config*) echo '{CONFIGURATION}';; *) {ACCESS_REFUSED};; esac"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def doctor(state: Path, *arguments: str, kubectl: str | None = None) -> Run:
    """Run it with a PATH that has at most a kubectl of these lines."""
    programs = state.parent / "programs"
    programs.mkdir(exist_ok=True)
    if kubectl is not None:
        (programs / "kubectl").write_text(f"#!/bin/sh\n{kubectl}\n")
        (programs / "kubectl").chmod(0o755)
    return subprocess.run(
        [sys.executable, "-m", "cartwheel", "doctor", *arguments],
        cwd=ROOT,
        env=environment(state, PATH=str(programs)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_kubectl_it_looks_at_this_machine_only(state: Path) -> None:
    done = doctor(state, "--json")
    assert [area["name"] for area in json.loads(done.stdout)["areas"]] == ["this machine"]


def test_without_the_shop_and_a_cluster_there_is_nothing_to_look_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = without_the_shop("doctor")
    assert done.returncode == 2
    assert done.stderr.startswith("There is nothing to look at")
    done = without_the_shop("doctor", "local")
    assert done.returncode == 2
    assert "In a clone: make up" in done.stderr


def test_a_cluster_that_was_asked_for_needs_kubectl(state: Path) -> None:
    done = doctor(state, "cluster")
    assert done.returncode == 1
    assert done.stdout.startswith("✗ the cluster: it cannot be reached\n")
    assert "kubectl is not in the PATH" in done.stdout
    assert "kubernetes.io/docs/tasks/tools" in done.stdout


def test_a_context_that_does_not_exist_is_named(state: Path) -> None:
    wrong = 'echo "error: context \\"prod\\" does not exist" >&2; exit 1'
    done = doctor(state, "--context", "prod", kubectl=wrong)
    assert done.returncode == 1
    assert done.stdout.startswith("✗ cluster prod: it cannot be reached\n")
    assert 'context "prod" does not exist' in done.stdout
    assert "kubectl config get-contexts" in done.stdout
    assert "this machine" not in done.stdout


def test_a_cluster_that_does_not_respond_is_the_only_finding(state: Path) -> None:
    done = doctor(state, "cluster", "--json", kubectl=SILENT_CLUSTER)
    content = json.loads(done.stdout)
    assert done.returncode == 1
    (found,) = content["findings"]
    assert found["check"] == "access"
    assert "was refused" in found["evidence"]
    assert found["command"] == "kubectl --context prod cluster-info"


def test_a_cluster_that_does_not_respond_is_no_finding_unless_it_was_asked_for(
    state: Path,
) -> None:
    done = doctor(state, kubectl=SILENT_CLUSTER)
    assert done.returncode == 0
    assert "cluster prod, not seen: The connection to the server 127.0.0.1:6443 was" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nodes"], "'nodes' is not one of"),
        (["local", "--namespace", "shop"], "cartwheel doctor cluster"),
        (["cluster", "--contxt", "prod"], "No such option"),
    ],
)
def test_wrong_usage_is_one_line(state: Path, arguments: list[str], message: str) -> None:
    done = doctor(state, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_wrong_settings_are_findings_not_the_end(state: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cartwheel", "doctor", "local"],
        cwd=ROOT,
        env=environment(state, CARTWHEEL_STORES="floppy"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.startswith("✗ settings: CARTWHEEL_STORES")
    assert "Looked at:" in done.stdout
