"""A file that says how the traffic of a namespace is measured that is not of this shop.

It is named after the namespace, as `shop.console.yaml`, and lies where the console is started:

    prometheus: observability/prometheus-operated:9090
    window: 1m
    queries:
      received: sum by (service, instance) (rate(…[1m]))

Names and labels of the queries are those of `cartwheel.mesh.queries`; what it leaves out is not
shown.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter

from cartwheel.console.cluster.prometheus import DEFAULT_PORT, PrometheusService
from cartwheel.errors import UsageError
from cartwheel.mesh.queries import Name, mesh_queries
from cartwheel.strict_yaml import read_yaml

SUFFIX = ".console.yaml"
MAX_SIZE = 64 * 1024
WINDOW = 8.0
"""Seconds: four scrapes of our Prometheus."""
_SERVICE = re.compile(r"([a-z0-9-]+)/([a-z0-9-]+)(?::(\d{1,5}))?")
_WINDOW = re.compile(r"(\d+)(s|m)")


@dataclass(frozen=True)
class Measured:
    """How the traffic is measured; ``window`` in seconds."""

    prometheus: PrometheusService
    queries: Mapping[Name, str]
    window: float


def _check_service(text: str) -> str:
    if not _SERVICE.fullmatch(text):
        raise ValueError("is not NAMESPACE/SERVICE or NAMESPACE/SERVICE:PORT")
    return text


def _check_window(text: str) -> str:
    if not _WINDOW.fullmatch(text):
        raise ValueError("is not a time such as 30s or 1m")
    return text


class _MeshFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    prometheus: Annotated[str, AfterValidator(_check_service)]
    window: Annotated[str, AfterValidator(_check_window)] = "1m"
    queries: dict[str, str]


_MESH_FILE = TypeAdapter(_MeshFile)


def measured_in(namespace: str, *, folder: Path) -> Measured:
    """As the file of this namespace says; without one, as this shop is measured.

    Raises `UsageError` for a file that is wrong.
    """
    file = folder / f"{namespace}{SUFFIX}"
    if not file.is_file():
        window = f"{WINDOW:g}s"
        queries = mesh_queries(window, serving=window)
        return Measured(PrometheusService(namespace), queries, WINDOW)
    content = _read(file)
    named = {_name(file, name): query for name, query in content.queries.items()}
    return Measured(_service(content.prometheus), named, _seconds(content.window))


def _read(file: Path) -> _MeshFile:
    try:
        if file.stat().st_size > MAX_SIZE:
            raise UsageError(f"{file.name} has more than {MAX_SIZE // 1024} KiB.")
        return read_yaml(file, _MESH_FILE)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file.name} cannot be read: {error}.") from None


def _name(file: Path, text: str) -> Name:
    try:
        return Name(text)
    except ValueError:
        raise UsageError(
            f"{file.name}: there is no query {text!r}: choose {', '.join(Name)}."
        ) from None


def _service(text: str) -> PrometheusService:
    found = _SERVICE.fullmatch(text)
    assert found is not None
    return PrometheusService(found[1], found[2], int(found[3] or DEFAULT_PORT))


def _seconds(text: str) -> float:
    found = _WINDOW.fullmatch(text)
    assert found is not None
    return float(found[1]) * (60 if found[2] == "m" else 1)
