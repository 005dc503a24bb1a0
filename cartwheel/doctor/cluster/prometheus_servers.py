"""The Prometheus servers that ScaledObjects query."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from cartwheel.doctor.cluster.keda_installation import keda_namespace
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.kubernetes.api import Json, path_of
from cartwheel.kubernetes.errors import ClusterError

# The check that looks at them.
NAME = "prometheus"
DEFAULT_PORTS = {"http": 80, "https": 443}
# `SERVICE`, `SERVICE.NAMESPACE`, or `SERVICE.NAMESPACE.svc` with or without the cluster's domain.
HOST = re.compile(r"(?P<service>[a-z0-9-]+)(\.(?P<namespace>[a-z0-9-]+)(?P<svc>\.svc(\..+)?)?)?")


@dataclass(frozen=True)
class Server:
    """A Prometheus behind a Service; ``prefix`` is the path before that of its API."""

    namespace: str
    service: str
    port: int
    scheme: str = "http"
    prefix: str = ""

    @property
    def name(self) -> str:
        return f"{self.namespace}/{self.service}"

    @property
    def finding(self) -> str:
        """How a consequence names what the check finds about it."""
        return f"{NAME} Prometheus {self.name}"

    def path(self, path: str, **query: str) -> str:
        """A path of its API, by the API server's proxy to the Service."""
        service = f"{self.scheme}:{self.service}:{self.port}"
        start = path_of("api", "v1", "namespaces", self.namespace, "services", service)
        arguments = urlencode(query, quote_via=quote, safe="")
        return f"{start}/proxy{self.prefix}{path}?{arguments}"


def server_of(view: ClusterView, address: str) -> Server | None:
    """The Service that an address names; None for one outside the cluster, or that is not seen."""
    try:
        parts = urlsplit(address)
        host, port = HOST.fullmatch(parts.hostname or ""), parts.port
    except ValueError:
        return None
    if host is None or parts.scheme not in DEFAULT_PORTS or host["service"] == "localhost":
        return None
    namespace = _namespace(view, host)
    if namespace is None:
        return None
    return Server(
        namespace,
        host["service"],
        port or DEFAULT_PORTS[parts.scheme],
        parts.scheme,
        parts.path.rstrip("/"),
    )


def _namespace(view: ClusterView, host: re.Match[str]) -> str | None:
    namespace = host["namespace"]
    try:
        if namespace is None:
            # KEDA asks, so a short name is one of its own namespace.
            return keda_namespace(view)
        # `example.com` looks like a Service, too.
        is_known = host["svc"] or namespace == view.namespace
        found = is_known or view.find(path_of("api", "v1", "namespaces", namespace))
    except ClusterError:
        return None
    return namespace if found else None


def servers_of(view: ClusterView, scaled_object: Json) -> Iterator[Server]:
    """Those that its triggers query."""
    for trigger in scaled_object["spec"]["triggers"]:
        address = trigger.get("metadata", {}).get("serverAddress", "")
        if trigger["type"] == "prometheus" and (server := server_of(view, address)):
            yield server
