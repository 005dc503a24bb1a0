"""`python -m cartwheel.cluster`, with fake kind, kubectl, skaffold and docker on PATH."""

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cartwheel.cluster.ports import SHOP, kind_config, requested_ports
from cartwheel.cluster.preflight import inotify_advice, taken_ports
from tests.cartwheel.supervisor_process import ROOT
from tests.support.ports import free_port

GIBIBYTE = 1024**3
# Each logs its arguments and prints what the real program would print.
FAKE_PROGRAMS = {
    "docker": (
        'case "$*" in port*) echo "$FAKE_PORTS"; exit "${FAKE_DOCKER:-0}";; '
        '*Host*) echo "$FAKE_PODMAN_MEMORY";; *) echo "${FAKE_MEMORY-8589934592}";; esac; '
        'exit "${FAKE_DOCKER:-0}"'
    ),
    "kind": (
        '[ "$2" = kubeconfig ] && echo "of kind-cartwheel" && exit 0; '
        '[ "$1" = get ] && echo "$FAKE_CLUSTERS" && exit "${FAKE_KIND:-0}"; '
        '[ "$1" = create ] && while IFS= read -r line; do echo "$line" >>"$FAKE_CONFIG"; done; '
        "exit 0"
    ),
    "kubectl": (
        'case "$*" in '
        '*" get scaledobject "*deletionTimestamp*) echo "$FAKE_SCALED_OBJECT";; '
        '*" get namespace "*deletionTimestamp*) echo "$FAKE_NAMESPACE";; '
        '*" get deployment keda-operator "*) echo "$FAKE_KEDA";; '
        '*" get "*) echo "${FAKE_ADDONS-there}"; exit "${FAKE_KUBECTL:-0}";; esac'
    ),
    "skaffold": (
        'read -r text <"${KUBECONFIG:-/dev/null}"; echo "kubeconfig $text"; '
        'exit "${FAKE_SKAFFOLD:-0}"'
    ),
}


class Machine:
    """A PATH with fake programs, and the calls they received."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "programs"
        self.path.mkdir()
        self._calls = folder / "calls"
        self._calls.touch()
        self._config = folder / "kind.yaml"
        for name, script in FAKE_PROGRAMS.items():
            self.install(name, script)

    def install(self, name: str, script: str) -> None:
        program = self.path / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self._calls}"\n{script}\n')
        program.chmod(0o755)

    def without(self, program: str) -> None:
        (self.path / program).unlink()

    def run(self, *arguments: str, **fakes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cartwheel.cluster", *arguments],
            cwd=ROOT,
            env={
                **{name: text for name, text in os.environ.items() if "CARTWHEEL" not in name},
                "PATH": str(self.path),
                "FAKE_CONFIG": str(self._config),
                **fakes,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def host_ports(self) -> list[int]:
        """The host ports of the cluster that was created."""
        (node,) = yaml.safe_load(self._config.read_text())["nodes"]
        return [mapping["hostPort"] for mapping in node["extraPortMappings"]]

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


def test_podman_without_a_docker_command_is_reported_with_a_remedy(machine: Machine) -> None:
    machine.without("docker")
    machine.install("podman", "exit 0")
    done = machine.run("up")
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert "podman-docker" in sentence
    assert "docs/guide/2-deploy.md#podman" in sentence
    assert "\n### Podman\n" in (ROOT / "docs" / "guide" / "2-deploy.md").read_text()


def test_podman_under_the_name_docker_tells_its_memory_its_own_way(machine: Machine) -> None:
    done = machine.run("up", FAKE_MEMORY="", FAKE_PODMAN_MEMORY=str(2 * GIBIBYTE))
    assert "Docker has 2.0 GiB of memory" in done.stderr


def test_a_docker_that_does_not_run_is_reported_before_anything_is_created(
    machine: Machine,
) -> None:
    done = machine.run("up", FAKE_DOCKER="1")
    assert done.returncode == 2
    assert "Docker is not running" in done.stderr
    assert not any("create" in call for call in machine.calls)


def test_too_little_memory_is_reported_with_both_numbers(machine: Machine) -> None:
    done = machine.run("up", FAKE_MEMORY=str(2 * GIBIBYTE))
    assert done.returncode == 2
    assert "Docker has 2.0 GiB of memory and the cluster needs 3" in done.stderr


def test_a_taken_port_is_named_with_its_use_and_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (sentence,) = taken_ports({SHOP: port})
    assert sentence.startswith(f"Port {port} for the shop is taken by ")
    assert f"(pid {os.getpid()})" in sentence
    assert sentence.endswith(f"make kind CARTWHEEL_KIND_PORT_SHOP={port + 1}")


def test_a_port_that_is_moved_is_the_one_that_must_be_free(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = machine.run("up", CARTWHEEL_KIND_PORT_SHOP=port)
    assert done.returncode == 2
    assert f"Port {port} for the shop is taken" in done.stderr


def test_a_new_cluster_gets_the_ports_of_the_variables(machine: Machine) -> None:
    shop, grafana = free_port(), free_port()
    moved = {"CARTWHEEL_KIND_PORT_SHOP": shop, "CARTWHEEL_KIND_PORT_GRAFANA": grafana}
    done = machine.run("up", **{name: str(port) for name, port in moved.items()})
    assert done.returncode == 0, done.stderr
    assert machine.host_ports == [shop, grafana]


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1"])
def test_a_variable_that_is_no_port_is_reported(machine: Machine, port: str) -> None:
    done = machine.run("up", CARTWHEEL_KIND_PORT_GRAFANA=port)
    assert done.returncode == 2
    assert done.stderr == (
        f"CARTWHEEL_KIND_PORT_GRAFANA must be a port from 1 to 65535, not {port!r}.\n"
    )


def test_one_port_for_both_is_refused(machine: Machine) -> None:
    done = machine.run("up", CARTWHEEL_KIND_PORT_GRAFANA="8080")
    assert done.returncode == 2
    assert "two ports, not one" in done.stderr


PUBLISHED = "30080/tcp -> 127.0.0.1:9080\n30300/tcp -> 127.0.0.1:9300"


def test_an_existing_cluster_keeps_its_ports_and_says_so(machine: Machine) -> None:
    done = machine.run(
        "up", FAKE_CLUSTERS="cartwheel", FAKE_PORTS=PUBLISHED, CARTWHEEL_KIND_PORT_SHOP="9999"
    )
    assert done.returncode == 2
    assert "with the shop on port 9080: make kind-down first" in done.stderr


def test_deploying_names_the_ports_that_the_cluster_has(machine: Machine) -> None:
    done = machine.run("deploy", FAKE_CLUSTERS="cartwheel", FAKE_PORTS=PUBLISHED)
    assert "The shop: http://127.0.0.1:9080   Grafana: http://127.0.0.1:9300" in done.stdout


@pytest.mark.parametrize(
    ("fakes", "url"),
    [
        ({"FAKE_PORTS": PUBLISHED}, "http://127.0.0.1:9080\n"),
        # The settings of a local run are not read.
        ({"FAKE_PORTS": PUBLISHED, "CARTWHEEL_PORT_CART": "x"}, "http://127.0.0.1:9080\n"),
        ({"CARTWHEEL_KIND_PORT_SHOP": "9081"}, "http://127.0.0.1:9081\n"),
        # `cartwheel load` finds a local run by itself.
        ({"FAKE_DOCKER": "1", "CARTWHEEL_PORT_STOREFRONT": "9082"}, ""),
    ],
)
def test_load_goes_to_the_shop_of_a_cluster_if_there_is_one(
    machine: Machine, fakes: dict[str, str], url: str
) -> None:
    done = machine.run("shop", **fakes)
    assert (done.returncode, done.stdout) == (0, url), done.stderr


def test_low_inotify_limits_are_advice_with_the_command_that_raises_them(tmp_path: Path) -> None:
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


def test_missing_add_ons_are_installed_and_waited_for(machine: Machine) -> None:
    done = machine.run("up", FAKE_CLUSTERS="cartwheel", FAKE_ADDONS="")
    assert done.returncode == 0, done.stderr
    applied = [call for call in machine.calls if " apply " in call]
    assert [call.rpartition("/")[2] for call in applied] == ["metrics-server", "keda"]
    assert all(call.startswith("kubectl --context kind-cartwheel ") for call in applied)
    waited = [call for call in machine.calls if " rollout status " in call]
    assert len(waited) == 3


def test_when_the_cluster_does_not_respond_no_add_on_is_installed(machine: Machine) -> None:
    done = machine.run("up", FAKE_CLUSTERS="cartwheel", FAKE_KUBECTL="1")
    assert done.returncode == 1
    assert "does not say whether metrics-server is there" in done.stderr
    assert not any(" apply " in call for call in machine.calls)


def test_a_kind_that_does_not_respond_is_not_a_missing_cluster(machine: Machine) -> None:
    done = machine.run("deploy", FAKE_KIND="1")
    assert done.returncode == 1
    assert done.stderr == "kind get clusters does not answer: try it by hand.\n"


def test_a_new_cluster_is_made_from_the_projects_file() -> None:
    assert kind_config(requested_ports({})) == (ROOT / "kind.yaml").read_text()


def test_a_port_that_the_projects_file_maps_for_something_else_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "kind.yaml").read_text()
    line = "      - {containerPort: 30080, "
    assert line in text
    file = tmp_path / "kind.yaml"
    file.write_text(text.replace(line, f"      - {{containerPort: 30900, hostPort: 9090}}\n{line}"))
    monkeypatch.setattr("cartwheel.cluster.ports.KIND_CONFIG", file)
    (node,) = yaml.safe_load(kind_config({**requested_ports({}), SHOP: 8081}))["nodes"]
    mapped = [mapping["hostPort"] for mapping in node["extraPortMappings"]]
    assert mapped == [9090, 8081, 3000]


def test_deploying_without_a_cluster_says_how_to_make_one(machine: Machine) -> None:
    done = machine.run("deploy")
    assert done.returncode == 2
    assert done.stderr == "There is no cluster cartwheel: make one with make kind.\n"


@pytest.mark.parametrize("command", ["deploy", "verify"])
def test_a_docker_that_does_not_run_is_not_reported_as_a_missing_cluster(
    machine: Machine, command: str
) -> None:
    done = machine.run(command, FAKE_DOCKER="1", FAKE_CLUSTERS="cartwheel")
    assert done.returncode == 2
    assert "Docker is not running" in done.stderr


DELETED = "2026-11-25T21:00:00Z"


def test_a_scaled_object_that_cannot_be_deleted_is_reported_with_the_command_that_frees_it(
    machine: Machine,
) -> None:
    done = machine.run("deploy", FAKE_CLUSTERS="cartwheel", FAKE_SCALED_OBJECT=DELETED)
    assert done.returncode == 2
    sentence, free = done.stderr.splitlines()
    assert "waits for KEDA's operator" in sentence
    assert shlex.split(free) == [
        *("kubectl", "--context", "kind-cartwheel", "patch", "scaledobject", "cart"),
        *("--namespace", "cartwheel", "--type", "merge", "--patch"),
        '{"metadata":{"finalizers":null}}',
    ]
    assert not any(call.startswith("skaffold") for call in machine.calls)


def test_a_scaled_object_that_keda_is_deleting_is_no_problem(machine: Machine) -> None:
    done = machine.run(
        "deploy",
        FAKE_CLUSTERS="cartwheel",
        FAKE_SCALED_OBJECT=DELETED,
        FAKE_KEDA="1",
    )
    assert done.returncode == 0, done.stderr


def test_a_namespace_that_is_being_deleted_is_reported_with_the_command_that_waits(
    machine: Machine,
) -> None:
    done = machine.run("deploy", FAKE_CLUSTERS="cartwheel", FAKE_NAMESPACE=DELETED)
    assert done.returncode == 2
    assert "namespace cartwheel is still being deleted" in done.stderr
    assert "kubectl --context kind-cartwheel wait --for delete" in done.stderr


def test_deploying_passes_arguments_on_to_skaffold(machine: Machine) -> None:
    done = machine.run("deploy", "-p", "requests", FAKE_CLUSTERS="cartwheel")
    assert done.returncode == 0
    assert "skaffold run --kube-context kind-cartwheel -p requests" in machine.calls
    assert "http://127.0.0.1:8080" in done.stdout


def test_verifying_tries_the_shop_of_our_cluster(machine: Machine) -> None:
    done = machine.run("verify", FAKE_CLUSTERS="cartwheel")
    assert done.returncode == 0, done.stderr
    # `skaffold verify` has no flag for the context.
    assert machine.calls[-1] == "skaffold verify"
    assert "kubeconfig of kind-cartwheel" in done.stdout


def test_a_deployment_that_fails_is_an_error_of_one_line(machine: Machine) -> None:
    done = machine.run("deploy", FAKE_CLUSTERS="cartwheel", FAKE_SKAFFOLD="1")
    assert done.returncode == 1
    assert done.stderr == "skaffold run did not succeed (see above).\n"


def test_down_deletes_our_cluster_and_no_other(machine: Machine) -> None:
    assert machine.run("down").returncode == 0
    assert machine.calls == ["kind delete cluster --name cartwheel"]


def test_an_unknown_command_prints_the_usage(machine: Machine) -> None:
    done = machine.run("sideways")
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")
