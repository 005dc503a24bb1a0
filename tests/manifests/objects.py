"""Kubernetes objects of rendered overlays."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
# Every folder is a service, so a new service is tested without a change here.
SERVICES = tuple(sorted(file.parent.name for file in (ROOT / "services").glob("*/main.py")))
# Without `kind-base`, which is never applied by itself.
OVERLAYS = ("kind", "requests", "dev", "cluster")

# The capacity of a laptop for the demo: millicores and mebibytes.
NODE_CPU, NODE_MEMORY = 1000, 1024
MINIMUM = {"cart": 2}

Object = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "Job")


@dataclass(frozen=True)
class Overlay:
    """The objects of one overlay."""

    name: str
    objects: list[Object]

    def of_kind(self, *kinds: str) -> list[Object]:
        return [found for found in self.objects if found["kind"] in kinds]

    def get(self, kind: str, name: str) -> Object:
        (found,) = [x for x in self.of_kind(kind) if x["metadata"]["name"] == name]
        return found

    def has(self, kind: str, name: str) -> bool:
        return any(x["metadata"]["name"] == name for x in self.of_kind(kind))

    def workloads(self) -> list[Object]:
        return self.of_kind(*WORKLOADS)


def parse(text: str) -> list[Object]:
    return [found for found in yaml.safe_load_all(text) if found]


def read(path: str) -> Object:
    found: Object = yaml.safe_load((ROOT / path).read_text())
    return found


def pod_of(workload: Object) -> Object:
    """The pod template of a workload: `metadata` and `spec`."""
    template: Object = workload["spec"]["template"]
    return template


def containers_of(pod: Object) -> Iterator[Object]:
    """All containers, init containers included."""
    yield from pod["spec"].get("initContainers", [])
    yield from pod["spec"]["containers"]


def millicores(amount: str | int) -> int:
    text = str(amount)
    return int(text[:-1]) if text.endswith("m") else int(float(text) * 1000)


def mebibytes(amount: str) -> int:
    assert amount.endswith("Mi"), amount
    return int(amount[:-2])


def requested(overlay: Overlay) -> tuple[int, int]:
    """Millicores and mebibytes of all pods together, each Deployment at its minimum."""
    cpu = memory = 0
    for workload in overlay.workloads():
        minimum = MINIMUM.get(workload["metadata"]["name"], workload["spec"].get("replicas"))
        assert minimum is not None, workload["metadata"]["name"]
        requests = _request(pod_of(workload)["spec"])
        cpu += minimum * requests[0]
        memory += minimum * requests[1]
    return cpu, memory


def _request(pod: Object) -> tuple[int, int]:
    """The effective request of a pod: the sum of its containers, or its largest init container."""

    def of(container: Object) -> tuple[int, int]:
        requests = container["resources"]["requests"]
        return millicores(requests["cpu"]), mebibytes(requests["memory"])

    together = [sum(amounts) for amounts in zip(*map(of, pod["containers"]), strict=True)]
    first = [of(container) for container in pod.get("initContainers", [])]
    cpu, memory = (max(amounts) for amounts in zip(together, *first, strict=True))
    return cpu, memory
