"""The Prometheus servers that ScaledObjects query."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from cartwheel.kubernetes.api import Json

# The check that looks at them.
NAME = "prometheus"
# `SERVICE.NAMESPACE`, with or without `.svc` and the cluster's domain behind it.
IN_CLUSTER = re.compile(r"([a-z0-9-]+)\.([a-z0-9-]+)(\.svc(\.[a-z0-9.-]+)?)?")


@dataclass(frozen=True)
class Server:
    """A Prometheus behind a Service."""

    namespace: str
    service: str
    port: int

    @property
    def name(self) -> str:
        return f"{self.namespace}/{self.service}"

    @property
    def finding(self) -> str:
        """How a consequence names what this check finds about it."""
        return f"{NAME} Prometheus {self.name}"


def server_of(address: str) -> Server | None:
    """The Service that an address names; None for an address outside the cluster."""
    try:
        parts = urlsplit(address)
        found, port = IN_CLUSTER.fullmatch(parts.hostname or ""), parts.port
    except ValueError:
        return None
    return Server(found[2], found[1], port or 80) if found else None


def servers_of(scaled_object: Json) -> Iterator[Server]:
    """Those that its triggers query."""
    for trigger in scaled_object["spec"]["triggers"]:
        address = trigger.get("metadata", {}).get("serverAddress", "")
        if trigger["type"] == "prometheus" and (server := server_of(address)):
            yield server
