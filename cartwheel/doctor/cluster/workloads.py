"""Workloads, their pods, and the autoscalers that target them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.kubernetes.api import Json, path_of
from cartwheel.kubernetes.errors import ClusterError, NotFound
from cartwheel.kubernetes.resources import find_resource

USUAL_KINDS = ("Deployment", "StatefulSet")
RESOURCE_METRICS = {"Resource": "resource", "ContainerResource": "containerResource"}


@dataclass(frozen=True)
class Target:
    """The workload that an autoscaler scales; ``name`` as `deployment/cart`."""

    kind: str
    plain_name: str
    api_version: str = "apps/v1"

    @property
    def name(self) -> str:
        return f"{self.kind.lower()}/{self.plain_name}"

    @property
    def is_usual(self) -> bool:
        """Whether it is a workload of Kubernetes itself, whose objects are known."""
        # An autoscaler reads the group and the kind, and ignores the version.
        return self.kind in USUAL_KINDS and self.api_version.startswith("apps/")


def target_of(autoscaler: Json) -> Target:
    """The target of a HorizontalPodAutoscaler or of a ScaledObject, with KEDA's defaults."""
    reference = autoscaler["spec"]["scaleTargetRef"]
    kind = reference.get("kind") or "Deployment"
    return Target(kind, reference["name"], reference.get("apiVersion") or "apps/v1")


def autoscalers(view: ClusterView) -> Sequence[Json]:
    """The HorizontalPodAutoscalers of the namespace, those of KEDA included."""
    return view.list("horizontalpodautoscalers")


def name_of(autoscaler: Json) -> str:
    return f"hpa/{autoscaler['metadata']['name']}"


def scaled_object_of(autoscaler: Json) -> str | None:
    """The ScaledObject that made an autoscaler, if KEDA did."""
    owners = autoscaler["metadata"].get("ownerReferences") or []
    return next((each["name"] for each in owners if each["kind"] == "ScaledObject"), None)


def workload(view: ClusterView, target: Target) -> Json | None:
    """The object of a target; None if it is not there, or cannot be seen."""
    try:
        return read_workload(view, target)
    except ClusterError:
        return None


def read_workload(view: ClusterView, target: Target) -> Json | None:
    """The object of a target; None if there is none. Raises `ClusterError` if it is not seen."""
    if target.is_usual:
        return view.named(f"{target.kind.lower()}s", target.plain_name)
    try:
        resource = find_resource(view, api_version=target.api_version, kind=target.kind)
    except NotFound:
        return None
    return view.find(resource.path(view.namespace, target.plain_name))


def template_of(found: Json) -> Json:
    """The pod template of a workload; empty for a kind that has none of its own."""
    return found["spec"].get("template") or {}


def pods_of(view: ClusterView, found: Json, namespace: str | None = None) -> Sequence[Json]:
    """The pods that the selector of a workload matches, as an autoscaler counts them."""
    selector = found["spec"].get("selector") or {}
    return [
        pod
        for pod in _selected(view, selector, namespace or view.namespace)
        if pod["status"].get("phase") not in ("Succeeded", "Failed")
    ]


def _selected(view: ClusterView, selector: Json | str, namespace: str) -> Sequence[Json]:
    if isinstance(selector, str):
        # Some custom resources write the selector as the query of a URL has it.
        path = path_of("api", "v1", "namespaces", namespace, "pods", labelSelector=selector)
        return (view.find(path) or {}).get("items") or []
    pods = view.list("pods", namespace)
    return [pod for pod in pods if _matches(selector, pod["metadata"].get("labels") or {})]


def owner_of(pod: Json) -> str:
    """The workload that a pod belongs to, as `deployment/cart`; the pod itself if to none."""
    labels = pod["metadata"].get("labels") or {}
    for owner in pod["metadata"].get("ownerReferences") or []:
        if owner["kind"] == "ReplicaSet" and "pod-template-hash" in labels:
            name = owner["name"].removesuffix(f"-{labels['pod-template-hash']}")
            return f"deployment/{name}"
        return f"{owner['kind'].lower()}/{owner['name']}"
    return f"pod/{pod['metadata']['name']}"


def metrics_of(autoscaler: Json) -> Sequence[Json]:
    return autoscaler["spec"].get("metrics") or []


def resource_metrics(autoscaler: Json) -> Iterator[Mapping[str, Any]]:
    """Its metrics of CPU and memory; those of a container have ``container``."""
    for metric in metrics_of(autoscaler):
        if metric["type"] in RESOURCE_METRICS:
            yield metric[RESOURCE_METRICS[metric["type"]]]


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(name) != value for name, value in wanted.items()):
        return False
    expressions = selector.get("matchExpressions") or []
    return bool(wanted or expressions) and all(_satisfies(each, labels) for each in expressions)


def _satisfies(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
    return key not in labels
