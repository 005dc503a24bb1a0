"""Ports of this machine that lead into the cluster: those of kind.yaml, or of variables."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cartwheel.cluster.tools import CLUSTER, PROJECT, output_of
from cartwheel.errors import UsageError

KIND_CONFIG = PROJECT / "kind.yaml"
_MAPPING = re.compile(r"(containerPort: (\d+), hostPort: )(\d+)")
MAX_PORT = 65535


@dataclass(frozen=True)
class PortMapping:
    """``node_port`` is that of the Service behind it (manifests/overlays/kind-base)."""

    use: str
    variable: str
    node_port: int


SHOP = PortMapping("the shop", "CARTWHEEL_KIND_PORT_SHOP", 30080)
GRAFANA = PortMapping("Grafana", "CARTWHEEL_KIND_PORT_GRAFANA", 30300)
PORT_MAPPINGS = (SHOP, GRAFANA)
Ports = Mapping[PortMapping, int]


def requested_ports(environment: Mapping[str, str] = os.environ) -> Ports:
    """The host ports for a new cluster. Raises `UsageError`."""
    ports = {**_ports_from_file(), **ports_from_environment(environment)}
    if len(set(ports.values())) < len(ports):
        raise UsageError(f"{SHOP.variable} and {GRAFANA.variable} must be two ports, not one.")
    return ports


def ports_from_environment(environment: Mapping[str, str] = os.environ) -> Ports:
    """The host ports that variables ask for. Raises `UsageError`."""
    return {
        mapping: _parse(mapping, environment[mapping.variable])
        for mapping in PORT_MAPPINGS
        if environment.get(mapping.variable)
    }


def current_ports(environment: Mapping[str, str] = os.environ) -> Ports:
    """The host ports of the running cluster, even if variables have changed since."""
    return {**requested_ports(environment), **published_ports()}


def published_ports() -> Ports:
    """The host ports that Docker publishes for the node; none without a cluster."""
    # One line each: `30080/tcp -> 127.0.0.1:8080`.
    published = output_of("docker", "port", f"{CLUSTER}-control-plane") or ""
    mapped = dict(re.findall(r"^(\d+)/tcp -> \S+:(\d+)$", published, re.MULTILINE))
    return {
        mapping: int(mapped[str(mapping.node_port)])
        for mapping in PORT_MAPPINGS
        if str(mapping.node_port) in mapped
    }


def kind_config(ports: Ports) -> str:
    """kind.yaml with these host ports; its other mappings stay."""
    by_node_port = {str(mapping.node_port): port for mapping, port in ports.items()}
    return _MAPPING.sub(
        lambda found: f"{found[1]}{by_node_port.get(found[2], found[3])}",
        KIND_CONFIG.read_text(),
    )


def _ports_from_file() -> Ports:
    found = _MAPPING.findall(KIND_CONFIG.read_text())
    mapped = {int(node_port): int(host_port) for _, node_port, host_port in found}
    return {mapping: mapped[mapping.node_port] for mapping in PORT_MAPPINGS}


def _parse(mapping: PortMapping, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MAX_PORT:
        raise UsageError(f"{mapping.variable} must be a port from 1 to {MAX_PORT}, not {text!r}.")
    return int(text)
