"""The Prometheus servers that ScaledObjects query, and what they scrape."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.backends import has_endpoints, why_not_served
from cartwheel.doctor.cluster.external_metrics import has_its_metrics
from cartwheel.doctor.cluster.prometheus_servers import NAME, Server, servers_of
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity, Unseen
from cartwheel.doctor.words import count
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.errors import ClusterError

DEFAULT_PORT = 9090
MAX_NAMED = 2


def examine(view: ClusterView) -> Iterator[Outcome]:
    users: dict[Server, list[Json]] = {}
    for scaled_object in view.list("scaledobjects"):
        for server in servers_of(view, scaled_object):
            users.setdefault(server, []).append(scaled_object)
    needed = {server.name for server in users}
    for server in _own_servers(view):
        if server.name not in needed:
            users[server] = []
    for server, scaled_objects in users.items():
        try:
            yield from _examine(view, server, scaled_objects)
        except ClusterError as error:
            yield Unseen(f"Prometheus {server.name}: {error}")


def _own_servers(view: ClusterView) -> Iterator[Server]:
    """The one of the namespace: dashboards and alerts need it without an autoscaler, too."""
    for service in view.list("services"):
        if service["metadata"]["name"] == "prometheus":
            port = service["spec"]["ports"][0].get("port", DEFAULT_PORT)
            yield Server(view.namespace, "prometheus", port)


def _examine(view: ClusterView, server: Server, users: Sequence[Json]) -> Iterator[Outcome]:
    if not has_endpoints(view, server.namespace, server.service):
        if users and all(has_its_metrics(view, each) for each in users):
            yield Unseen(f"the pods of Prometheus {server.name}, which KEDA reads all the same")
            return
        cause = why_not_served(view, server.namespace, server.service)
        yield Finding(
            about=f"Prometheus {server.name}",
            problem="no pod of it is ready, so no query has a result",
            evidence=cause.evidence,
            command=cause.command,
            severity=Severity.PROBLEM if users else Severity.RISK,
        )
        return
    path = server.path("/api/v1/targets", state="active")
    targets = view.get(path)["data"]["activeTargets"]
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
