"""The ports of this machine that lead into the cluster: those of kind.yaml, or of a variable."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cartwheel.cluster.tools import CLUSTER, PROJECT, answer
from cartwheel.errors import StartError

CONFIGURATION = PROJECT / "kind.yaml"
_MAPPING = re.compile(r"(containerPort: (\d+), hostPort: )(\d+)")
HIGHEST = 65535


@dataclass(frozen=True)
class Entrance:
    """``node_port`` is that of the Service behind it (manifests/overlays/kind-base)."""

    use: str
    variable: str
    node_port: int


SHOP = Entrance("the shop", "CARTWHEEL_KIND_PORT_SHOP", 30080)
GRAFANA = Entrance("Grafana", "CARTWHEEL_KIND_PORT_GRAFANA", 30300)
ENTRANCES = (SHOP, GRAFANA)
Ports = Mapping[Entrance, int]


def wanted(environment: Mapping[str, str] = os.environ) -> Ports:
    """The ports a new cluster gets. Raises `StartError`."""
    ports = {**_of_the_file(), **moved(environment)}
    if len(set(ports.values())) < len(ports):
        raise StartError(f"{SHOP.variable} and {GRAFANA.variable} must be two ports, not one.")
    return ports


def moved(environment: Mapping[str, str] = os.environ) -> Ports:
    """What the environment asks for. Raises `StartError`."""
    return {
        entrance: _port(entrance, environment[entrance.variable])
        for entrance in ENTRANCES
        if environment.get(entrance.variable)
    }


def _port(entrance: Entrance, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= HIGHEST:
        raise StartError(f"{entrance.variable} must be a port from 1 to {HIGHEST}, not {text!r}.")
    return int(text)


def in_use(environment: Mapping[str, str] = os.environ) -> Ports:
    """The ports of the cluster that runs, whatever the variables say by now."""
    return {**wanted(environment), **of_the_cluster()}


def of_the_cluster() -> Ports:
    """As Docker publishes them: `30080/tcp -> 127.0.0.1:8080`, a line each. None if it has none."""
    published = answer("docker", "port", f"{CLUSTER}-control-plane") or ""
    mapped = dict(re.findall(r"^(\d+)/tcp -> \S+:(\d+)$", published, re.MULTILINE))
    return {
        entrance: int(mapped[str(entrance.node_port)])
        for entrance in ENTRANCES
        if str(entrance.node_port) in mapped
    }


def configuration(ports: Ports) -> str:
    """kind.yaml with these ports; what it maps for something else stays."""
    of_node_port = {str(entrance.node_port): port for entrance, port in ports.items()}
    return _MAPPING.sub(
        lambda found: f"{found[1]}{of_node_port.get(found[2], found[3])}",
        CONFIGURATION.read_text(),
    )


def _of_the_file() -> Ports:
    found = _MAPPING.findall(CONFIGURATION.read_text())
    mapped = {int(inside): int(port) for _, inside, port in found}
    return {entrance: mapped[entrance.node_port] for entrance in ENTRANCES}
