"""`make kind` and its companions, with stand-ins for the programs that do the work."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cartwheel.cluster.__main__ import up
from cartwheel.cluster.preflight import PORTS, inotify_advice, taken_ports
from tests.cartwheel.runs import ROOT

GIBIBYTE = 1024**3
# Each writes down how it was called; the rest is what the real one would say.
STAND_INS = {
    "docker": 'echo "${FAKE_MEMORY:-8589934592}"; exit "${FAKE_DOCKER:-0}"',
    "kind": '[ "$1" = get ] && echo "$FAKE_CLUSTERS"; exit 0',
    "kubectl": 'case "$*" in *" get "*) exit "${FAKE_ADDONS:-0}";; esac',
    "skaffold": 'exit "${FAKE_SKAFFOLD:-0}"',
}


class Machine:
    """A PATH of stand-ins, and what was called on it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "programs"
        self.path.mkdir()
        self._calls = folder / "calls"
        self._calls.touch()
        for name, script in STAND_INS.items():
            program = self.path / name
            program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self._calls}"\n{script}\n')
            program.chmod(0o755)

    def without(self, program: str) -> None:
        (self.path / program).unlink()

    def run(self, *arguments: str, **says: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cartwheel.cluster", *arguments],
            cwd=ROOT,
            env={**os.environ, "PATH": str(self.path), **says},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("program", ["docker", "kind", "kubectl", "skaffold"])
def test_a_missing_program_is_named_with_where_to_get_it(machine: Machine, program: str) -> None:
    machine.without(program)
    done = machine.run("up")
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"{program} is not installed: see ")
    assert not any("create" in call for call in machine.calls)


def test_a_docker_that_does_not_run_is_said_before_anything_is_made(machine: Machine) -> None:
    done = machine.run("up", FAKE_DOCKER="1")
    assert done.returncode == 2
    assert "Docker is not running" in done.stderr
    assert not any("create" in call for call in machine.calls)


def test_too_little_memory_is_said_with_both_numbers(machine: Machine) -> None:
    done = machine.run("up", FAKE_MEMORY=str(2 * GIBIBYTE))
    assert done.returncode == 2
    assert "Docker has 2.0 GiB of memory and the cluster needs 3" in done.stderr


def test_a_taken_port_is_named_with_its_use_and_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (sentence,) = taken_ports({port: "the shop"})
    assert sentence.startswith(f"Port {port} for the shop is taken by ")
    assert f"(pid {os.getpid()})" in sentence


def test_the_ports_are_those_of_the_cluster() -> None:
    text = (ROOT / "kind.yaml").read_text()
    assert all(f"hostPort: {port}," in text for port in PORTS)
    assert text.count("hostPort:") == len(PORTS)


def test_low_limits_are_advice_with_the_command_that_raises_them(tmp_path: Path) -> None:
    (tmp_path / "max_user_instances").write_text("128\n")
    (tmp_path / "max_user_watches").write_text("1048576\n")
    (advice,) = inotify_advice(tmp_path)
    assert advice.endswith("sudo sysctl fs.inotify.max_user_instances=512")


def test_no_limits_no_advice(tmp_path: Path) -> None:
    assert not [*inotify_advice(tmp_path)]


def test_a_cluster_that_is_there_is_left_alone(machine: Machine) -> None:
    done = machine.run("up", FAKE_CLUSTERS="other cartwheel")
    assert done.returncode == 0
    assert not any("create" in call or "apply" in call for call in machine.calls)
    assert "metrics-server: there" in done.stdout


def test_what_the_cluster_lacks_is_installed_and_waited_for(machine: Machine) -> None:
    done = machine.run("up", FAKE_CLUSTERS="cartwheel", FAKE_ADDONS="1")
    assert done.returncode == 0, done.stderr
    applied = [call for call in machine.calls if " apply " in call]
    assert [call.rpartition("/")[2] for call in applied] == ["metrics-server", "keda"]
    assert all(call.startswith("kubectl --context kind-cartwheel ") for call in applied)
    waited = [call for call in machine.calls if " rollout status " in call]
    assert len(waited) == 3


def test_a_new_cluster_is_made_from_the_projects_file(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(machine.path))
    up(ports={})
    assert "kind create cluster --config kind.yaml" in machine.calls


def test_deploying_without_a_cluster_says_how_to_make_one(machine: Machine) -> None:
    done = machine.run("deploy")
    assert done.returncode == 2
    assert done.stderr == "There is no cluster cartwheel: make one with make kind.\n"


def test_deploying_passes_on_what_skaffold_should_be_told(machine: Machine) -> None:
    done = machine.run("deploy", "-p", "requests", FAKE_CLUSTERS="cartwheel")
    assert done.returncode == 0
    assert machine.calls[-1] == "skaffold run --kube-context kind-cartwheel -p requests"
    assert "http://127.0.0.1:8080" in done.stdout


def test_verifying_tries_the_shop_of_our_cluster(machine: Machine) -> None:
    assert machine.run("verify", FAKE_CLUSTERS="cartwheel").returncode == 0
    assert machine.calls[-1] == "skaffold verify --kube-context kind-cartwheel"


def test_a_deployment_that_fails_is_an_error_of_one_line(machine: Machine) -> None:
    done = machine.run("deploy", FAKE_CLUSTERS="cartwheel", FAKE_SKAFFOLD="1")
    assert done.returncode == 1
    assert done.stderr == "skaffold run did not succeed (see above).\n"


def test_down_deletes_our_cluster_and_no_other(machine: Machine) -> None:
    assert machine.run("down").returncode == 0
    assert machine.calls == ["kind delete cluster --name cartwheel"]


def test_a_wrong_word_is_answered_with_the_usage(machine: Machine) -> None:
    done = machine.run("sideways")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
