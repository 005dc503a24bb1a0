"""The APIs of metrics, and who serves them."""

from collections.abc import Iterator
from dataclasses import dataclass

from cartwheel.doctor.cluster.backends import why_not_served
from cartwheel.doctor.cluster.view import ClusterView, condition_of
from cartwheel.doctor.finding import Finding, Severity
from cartwheel.kubernetes.api import path_of
from cartwheel.kubernetes.errors import Forbidden

EXTERNAL, CUSTOM = "external.metrics.k8s.io", "custom.metrics.k8s.io"
API_SERVICES = {
    EXTERNAL: "v1beta1.external.metrics.k8s.io",
    CUSTOM: "v1beta1.custom.metrics.k8s.io",
}
# What an autoscaler reads from each.
METRIC_TYPES = {EXTERNAL: ("External",), CUSTOM: ("Pods", "Object")}


@dataclass(frozen=True)
class ApiService:
    """A registration of an API. ``namespace`` and ``service`` are empty if nobody is named."""

    name: str
    namespace: str
    service: str
    available: bool
    reason: str

    @property
    def owner(self) -> str:
        return f"{self.namespace}/{self.service}"


def api_service(view: ClusterView, name: str) -> ApiService | None:
    """A registration; None if there is none. Raises `Forbidden`: it needs rights on the cluster."""
    found = view.find(path_of("apis", "apiregistration.k8s.io", "v1", "apiservices", name))
    if found is None:
        return None
    service = found["spec"].get("service") or {}
    available = condition_of(found, "Available")
    return ApiService(
        name,
        namespace=service.get("namespace", ""),
        service=service.get("name", ""),
        available=available.get("status") == "True",
        reason=f"{available.get('reason', '')}: {available.get('message', '')}",
    )


def not_available(
    view: ClusterView, found: ApiService, severity: Severity, *, about: str
) -> Iterator[Finding]:
    """The finding about a registration behind which nobody responds."""
    if found.available:
        return
    cause = why_not_served(view, found.namespace, found.service)
    yield Finding(
        about=about,
        problem=f"nobody serves the API {found.name}",
        evidence=f"{cause.evidence}. The APIService is not available ({found.reason.rstrip('.')})",
        command=cause.command,
        severity=severity,
    )


def is_served(view: ClusterView, group: str, name: str) -> ApiService | bool:
    """The registration of a group; where it may not be read, whether the API lists the group."""
    try:
        return api_service(view, name) or False
    except Forbidden:
        return view.serves(group)
