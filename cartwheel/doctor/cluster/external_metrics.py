"""The metrics that KEDA hands on to autoscalers."""

from collections.abc import Sequence

from cartwheel.doctor.cluster.view import ClusterView, condition_of
from cartwheel.kubernetes.api import Json, path_of
from cartwheel.kubernetes.errors import ClusterError


def external_metric(view: ClusterView, scaled_object: Json, metric: str) -> Sequence[Json]:
    """The values of a metric of a ScaledObject. Raises `ClusterError`."""
    path = path_of(
        *("apis", "external.metrics.k8s.io", "v1beta1", "namespaces", view.namespace, metric),
        labelSelector=f"scaledobject.keda.sh/name={scaled_object['metadata']['name']}",
    )
    return view.get(path).get("items") or []


def external_metric_names(scaled_object: Json) -> Sequence[str]:
    return (scaled_object.get("status") or {}).get("externalMetricNames") or []


def has_its_metrics(view: ClusterView, scaled_object: Json) -> bool:
    """Whether KEDA hands on each metric of a ScaledObject, and not its fallback instead."""
    names = external_metric_names(scaled_object)
    if not names or condition_of(scaled_object, "Fallback").get("status") == "True":
        return False
    try:
        return all(external_metric(view, scaled_object, name) for name in names)
    except ClusterError:
        return False
