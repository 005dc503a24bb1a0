"""What this machine lacks for a cluster, each in one sentence that says what to do."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cartwheel.cluster.tools import answer, installed
from cartwheel.local.sockets import holder

WHERE = {
    "docker": "docs.docker.com/get-docker",
    "kind": "kind.sigs.k8s.io",
    "kubectl": "kubernetes.io/docs/tasks/tools",
    "skaffold": "skaffold.dev/docs/install",
}
# The host ports of kind.yaml.
PORTS = {8080: "the shop", 3000: "Grafana"}
# The node's own servers and the shop with its monitoring.
ENOUGH_MEMORY = 3 * 1024**3
# Below these a node's kubelet may stop with "too many open files" (kind's known issues).
INOTIFY = Path("/proc/sys/fs/inotify")
ENOUGH_INOTIFY = {"max_user_instances": 512, "max_user_watches": 524288}


def missing_tools(*programs: str) -> Iterator[str]:
    for program in programs:
        if not installed(program):
            yield f"{program} is not installed: see {WHERE[program]}."


def docker_problems() -> Iterator[str]:
    """Whether Docker runs, and has room."""
    memory = answer("docker", "info", "--format", "{{.MemTotal}}")
    if memory is None:
        yield "Docker is not running (or not yours to use): start it and check with docker info."
    elif memory.strip().isdigit() and int(memory) < ENOUGH_MEMORY:
        yield (
            f"Docker has {int(memory) / 1024**3:.1f} GiB of memory and the cluster needs "
            f"{ENOUGH_MEMORY / 1024**3:.0f}: give it more in its settings."
        )


def taken_ports(ports: Mapping[int, str]) -> Iterator[str]:
    for port, use in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                yield f"Port {port} for {use} is taken by {holder(port)}: stop that first."


def inotify_advice(folder: Path = INOTIFY) -> Iterator[str]:
    """Limits that may turn out too low: worth a word, not a refusal."""
    low = {
        name: enough
        for name, enough in ENOUGH_INOTIFY.items()
        if (folder / name).exists() and int((folder / name).read_text()) < enough
    }
    if low:
        settings = " ".join(f"fs.inotify.{name}={enough}" for name, enough in low.items())
        yield f"If pods fail with 'too many open files': sudo sysctl {settings}"


def problems_before_creating(ports: Mapping[int, str]) -> Sequence[str]:
    """All that must change before `kind create cluster` can work."""
    lacking = [*missing_tools("docker", "kind", "kubectl", "skaffold")]
    return lacking or [*docker_problems(), *taken_ports(ports)]
