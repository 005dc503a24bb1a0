"""The cluster's DNS: whether it runs, and whether it hides new pods for a while."""

import re
from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.backends import has_endpoints, why_not_served
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import autoscalers, pods_of, target_of, workload
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity
from cartwheel.kubernetes.api import Json

NAMESPACE = "kube-system"
SERVICE = "kube-dns"
COREFILE = f"/api/v1/namespaces/{NAMESPACE}/configmaps/coredns"
CACHE = re.compile(r"^\s*cache(?:\s+(?P<seconds>\d+))?[^\n{]*(?P<block>\{[^}]*\})?", re.MULTILINE)
UNCACHED = re.compile(r"disable\s+success\s+(?:cluster\.local|\.)|disable\s*$", re.MULTILINE)
DEFAULT_SECONDS = "30"


def examine(view: ClusterView) -> Iterator[Outcome]:
    if view.named("services", SERVICE, NAMESPACE) and not has_endpoints(view, NAMESPACE, SERVICE):
        cause = why_not_served(view, NAMESPACE, SERVICE)
        yield Finding(
            about="DNS",
            problem="no server of the cluster's DNS is ready: no name resolves",
            evidence=cause.evidence,
            command=cause.command,
        )
        return
    headless = [*_headless_services(view)]
    seconds = _cached_seconds(view) if headless else None
    if seconds is None:
        yield Healthy("DNS runs")
        return
    yield Finding(
        about="DNS",
        problem=f"it caches the cluster's own names for {seconds} s, so that clients of "
        f"{', '.join(headless)} see new pods late and old ones too long",
        evidence="cache in the Corefile has no 'disable success cluster.local', and pods of a "
        "headless Service are found by DNS alone",
        command=view.kubectl("edit configmap coredns", NAMESPACE),
        severity=Severity.RISK,
    )


def _headless_services(view: ClusterView) -> Iterator[str]:
    """Those whose pods an autoscaler adds and removes."""
    scaled = [found for each in autoscalers(view) if (found := workload(view, target_of(each)))]
    names = {pod["metadata"]["name"] for found in scaled for pod in pods_of(view, found)}
    for service in view.list("services"):
        selector = service["spec"].get("selector")
        if service["spec"].get("clusterIP") == "None" and selector:
            behind = pods_of(view, {"spec": {"selector": {"matchLabels": selector}}})
            if names & {pod["metadata"]["name"] for pod in behind}:
                yield service["metadata"]["name"]


def _cached_seconds(view: ClusterView) -> str | None:
    """For how long names of the cluster are cached; None if they are not."""
    configuration: Json = view.find(COREFILE) or {}
    found = CACHE.search((configuration.get("data") or {}).get("Corefile", ""))
    if found is None or UNCACHED.search(found["block"] or ""):
        return None
    return found["seconds"] or DEFAULT_SECONDS


CHECK = Check(
    "dns", "whether DNS runs, and whether it caches the names of pods that scale", examine
)
