"""Reading Kubernetes objects."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
# A folder is a service: a new one is looked at without being named here.
SERVICES = tuple(sorted(file.parent.name for file in (ROOT / "services").glob("*/main.py")))
# `kind-base` is what these share and is never applied by itself.
OVERLAYS = ("kind", "requests", "dev", "cluster")

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
    """The pod a workload makes: its labels under `metadata`, and its `spec`."""
    template: Object = workload["spec"]["template"]
    return template


def containers_of(pod: Object) -> Iterator[Object]:
    """All of them, those that run first included."""
    yield from pod["spec"].get("initContainers", [])
    yield from pod["spec"]["containers"]


def millicores(amount: str | int) -> int:
    text = str(amount)
    return int(text[:-1]) if text.endswith("m") else int(float(text) * 1000)


def mebibytes(amount: str) -> int:
    assert amount.endswith("Mi"), amount
    return int(amount[:-2])
