"""What this machine lacks for a cluster, each in one sentence that says what to do."""

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from cartwheel.cluster.ports import Ports
from cartwheel.cluster.tools import answer, installed
from cartwheel.local.sockets import holder

WHERE = {
    "docker": "docs.docker.com/get-docker",
    "kind": "kind.sigs.k8s.io",
    "kubectl": "kubernetes.io/docs/tasks/tools",
    "skaffold": "skaffold.dev/docs/install",
}
PODMAN = (
    "docker is not installed but podman is: install podman-docker, which gives it that name, "
    "and see docs/guide/2-deploy.md#podman."
)
# The node's own servers and the shop with its monitoring.
ENOUGH_MEMORY = 3 * 1024**3
# Below these a node's kubelet may stop with "too many open files" (kind's known issues).
INOTIFY = Path("/proc/sys/fs/inotify")
ENOUGH_INOTIFY = {"max_user_instances": 512, "max_user_watches": 524288}


def missing_tools(*programs: str) -> Iterator[str]:
    for program in programs:
        if program == "docker" and not installed(program) and installed("podman"):
            yield PODMAN
        elif not installed(program):
            yield f"{program} is not installed: see {WHERE[program]}."


def docker_asleep() -> Iterator[str]:
    if _memory() is None:
        yield "Docker is not running (or not yours to use): start it and check with docker info."


def too_little_memory() -> Iterator[str]:
    memory = _memory()
    if memory is not None and memory < ENOUGH_MEMORY:
        yield (
            f"Docker has {memory / 1024**3:.1f} GiB of memory and the cluster needs "
            f"{ENOUGH_MEMORY / 1024**3:.0f}: give it more in its settings."
        )


def _memory() -> int | None:
    """What Docker has, or Podman under Docker's name; None if neither answers."""
    for field in ("{{.MemTotal}}", "{{.Host.MemTotal}}"):
        said = (answer("docker", "info", "--format", field) or "").strip()
        if said.isdecimal():
            return int(said)
    return None


def taken_ports(ports: Ports) -> Iterator[str]:
    for entrance, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                yield (
                    f"Port {port} for {entrance.use} is taken by {holder(port)}: stop that, or "
                    f"choose another with make kind {entrance.variable}={port + 1}"
                )


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


def problems_of_tools() -> Sequence[str]:
    """All that must change before anything here can work."""
    return [*missing_tools("docker", "kind", "kubectl", "skaffold")] or [*docker_asleep()]


def problems_before_creating(ports: Ports) -> Sequence[str]:
    """All that must change before `kind create cluster` can work."""
    return [*too_little_memory(), *taken_ports(ports)]
