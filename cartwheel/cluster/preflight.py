"""Checks before a cluster is created. Each problem is one line that says what to do."""

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from cartwheel.cluster.ports import Ports
from cartwheel.cluster.tools import is_installed, output_of

INSTALL_PAGES = {
    "docker": "docs.docker.com/get-docker",
    "kind": "kind.sigs.k8s.io",
    "kubectl": "kubernetes.io/docs/tasks/tools",
    "skaffold": "skaffold.dev/docs/install",
}
PODMAN_ADVICE = (
    "docker is not installed but podman is: install podman-docker, which gives it that name, "
    "and see docs/guide/2-deploy.md#podman."
)
# For the node's own servers and the shop with its monitoring.
MIN_MEMORY = 3 * 1024**3
# Below these a node's kubelet may stop with "too many open files" (kind's known issues).
INOTIFY = Path("/proc/sys/fs/inotify")
MIN_INOTIFY_LIMITS = {"max_user_instances": 512, "max_user_watches": 524288}


def tool_problems() -> Sequence[str]:
    """What keeps every command here from working."""
    return [*missing_tools("docker", "kind", "kubectl", "skaffold")] or [*docker_not_running()]


def cluster_problems(ports: Ports) -> Sequence[str]:
    """What keeps `kind create cluster` from working."""
    return [*too_little_memory(), *taken_ports(ports)]


def missing_tools(*programs: str) -> Iterator[str]:
    for program in programs:
        if program == "docker" and not is_installed(program) and is_installed("podman"):
            yield PODMAN_ADVICE
        elif not is_installed(program):
            yield f"{program} is not installed: see {INSTALL_PAGES[program]}."


def docker_not_running() -> Iterator[str]:
    if _docker_memory() is None:
        yield "Docker is not running (or not yours to use): start it and check with docker info."


def too_little_memory() -> Iterator[str]:
    memory = _docker_memory()
    if memory is not None and memory < MIN_MEMORY:
        yield (
            f"Docker has {memory / 1024**3:.1f} GiB of memory and the cluster needs "
            f"{MIN_MEMORY / 1024**3:.0f}: give it more in its settings."
        )


def taken_ports(ports: Ports) -> Iterator[str]:
    # Imported here: it needs psutil, which only the extra `shop` has.
    from cartwheel.local.sockets import port_holder

    for mapping, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                yield (
                    f"Port {port} for {mapping.use} is taken by {port_holder(port)}: stop that, or "
                    f"choose another with make kind {mapping.variable}={port + 1}"
                )


def inotify_advice(folder: Path = INOTIFY) -> Iterator[str]:
    """Limits that may turn out too low. The cluster is created all the same."""
    low = {
        name: minimum
        for name, minimum in MIN_INOTIFY_LIMITS.items()
        if (folder / name).exists() and int((folder / name).read_text()) < minimum
    }
    if low:
        settings = " ".join(f"fs.inotify.{name}={minimum}" for name, minimum in low.items())
        yield f"If pods fail with 'too many open files': sudo sysctl {settings}"


def _docker_memory() -> int | None:
    """Bytes that Docker, or Podman under that name, may use; None if it does not answer."""
    for field in ("{{.MemTotal}}", "{{.Host.MemTotal}}"):
        output = (output_of("docker", "info", "--format", field) or "").strip()
        if output.isdecimal():
            return int(output)
    return None
