"""The Prometheus servers that ScaledObjects query, and what they scrape."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.backends import has_endpoints, why_not_served
from cartwheel.doctor.cluster.view import ClusterView, service_path
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity, Unseen
from cartwheel.doctor.words import count
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.errors import NotFound, Unavailable

NAME = "prometheus"
DEFAULT_PORT = 9090
MAX_NAMED = 2
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


def examine(view: ClusterView) -> Iterator[Outcome]:
    needed = [server for each in view.list("scaledobjects") for server in servers_of(each)]
    for server in dict.fromkeys([*needed, *_own_servers(view)]):
        severity = Severity.PROBLEM if server in needed else Severity.RISK
        yield from _examine(view, server, severity)


def servers_of(scaled_object: Json) -> Iterator[Server]:
    """Those that its triggers query."""
    for trigger in scaled_object["spec"]["triggers"]:
        address = trigger.get("metadata", {}).get("serverAddress", "")
        if trigger["type"] == "prometheus" and (server := server_of(address)):
            yield server


def _own_servers(view: ClusterView) -> Iterator[Server]:
    """The one of the namespace: dashboards and alerts need it without an autoscaler, too."""
    for service in view.list("services"):
        if service["metadata"]["name"] == "prometheus":
            port = service["spec"]["ports"][0].get("port", DEFAULT_PORT)
            yield Server(view.namespace, "prometheus", port)


def _examine(view: ClusterView, server: Server, severity: Severity) -> Iterator[Outcome]:
    if not has_endpoints(view, server.namespace, server.service):
        cause = why_not_served(view, server.namespace, server.service)
        yield Finding(
            about=f"Prometheus {server.name}",
            problem="no pod of it is ready, so no query has a result",
            evidence=cause.evidence,
            command=cause.command,
            severity=severity,
        )
        return
    path = service_path(
        server.namespace, server.service, server.port, "/api/v1/targets", state="active"
    )
    try:
        targets = view.get(path)["data"]["activeTargets"]
    except (NotFound, Unavailable) as error:
        yield Unseen(f"the targets of Prometheus {server.name}: {error}")
        return
    if not targets:
        yield _no_targets(view, server)
        return
    own = [target for target in targets if _namespace_of(target, server) == view.namespace]
    down = [target for target in own if target["health"] == "down"]
    if down:
        yield _down(view, server, own, down)
    else:
        elsewhere = "" if own else ", none of them labelled with this namespace"
        scraped = count(len(own or targets), "target")
        yield Healthy(f"Prometheus {server.name} scrapes {scraped}{elsewhere}")


def _namespace_of(target: Mapping[str, Any], server: Server) -> str:
    """A target without the label belongs to the namespace of its Prometheus."""
    return str(target["labels"].get("namespace", server.namespace))


def _no_targets(view: ClusterView, server: Server) -> Finding:
    return Finding(
        about=f"Prometheus {server.name}",
        problem="it has no targets: it scrapes nothing",
        evidence="its page /targets is empty: its configuration discovers nothing, or it lacks "
        "the right to list pods",
        command=view.kubectl(f"logs deployment/{server.service} --tail 20", server.namespace),
    )


def _down(
    view: ClusterView,
    server: Server,
    targets: list[Mapping[str, Any]],
    down: list[Mapping[str, Any]],
) -> Finding:
    names = [each["labels"].get("instance") or each["scrapeUrl"] for each in down]
    named = ", ".join(names[:MAX_NAMED]) + (" and others" if len(names) > MAX_NAMED else "")
    return Finding(
        about=f"Prometheus {server.name}",
        problem=f"it cannot scrape {len(down)} of {count(len(targets), 'target')}: {named}",
        evidence=f"its last scrape of {names[0]}: {down[0].get('lastError') or 'no message'}",
        command=view.kubectl("get pods --output wide"),
        # One replica that is not scraped is one of several; none at all is an outage.
        severity=Severity.RISK if len(down) < len(targets) else Severity.PROBLEM,
    )


CHECK = Check(NAME, "whether Prometheus is ready and which of its targets are down", examine)
