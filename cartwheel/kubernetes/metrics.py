"""The metrics APIs: which path gives a metric, and what its response means.

The metrics are those of a HorizontalPodAutoscaler as the API has it (`autoscaling/v2`).
Source: kubernetes `pkg/controller/podautoscaler/metrics/client.go`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cartwheel.autoscaling.observation import (
    PodSamples,
    Reading,
    Sample,
    Unavailable,
    Values,
)
from cartwheel.autoscaling.quantities import parse_quantity
from cartwheel.kubernetes.api import Json, KubernetesApi, path_of
from cartwheel.kubernetes.errors import ClusterError
from cartwheel.kubernetes.labels import query_of
from cartwheel.kubernetes.resources import find_resource
from cartwheel.kubernetes.times import parse_duration, parse_time

RESOURCE_METRICS = "metrics.k8s.io"
CUSTOM_METRICS = "custom.metrics.k8s.io"
EXTERNAL_METRICS = "external.metrics.k8s.io"

# What the controller assumes if an adapter names no window.
DEFAULT_WINDOW = 60.0

_APIS = {
    "Resource": ("resource", RESOURCE_METRICS),
    "ContainerResource": ("resource", RESOURCE_METRICS),
    "Pods": ("custom", CUSTOM_METRICS),
    "Object": ("custom", CUSTOM_METRICS),
    "External": ("external", EXTERNAL_METRICS),
}


@dataclass(frozen=True)
class MetricsApis:
    """The version in use of each metrics API, by its group; a missing group is not installed."""

    versions: Mapping[str, str]

    def root(self, group: str) -> str:
        """`metrics.k8s.io/v1beta1`; the first version ever, if there is none."""
        return f"{group}/{self.versions.get(group, 'v1beta1')}"


def group_of(metric: Json) -> str:
    """The API group that serves a metric of an autoscaler."""
    return _APIS[metric["type"]][1]


def needs_pods(metric: Json) -> bool:
    """Whether the value is asked for by the labels of the pods."""
    return metric["type"] not in ("Object", "External")


def metric_path(
    metric: Json, *, namespace: str, pod_selector: str, apis: MetricsApis, api: KubernetesApi
) -> str:
    """The path that gives the metric. Raises `ClusterError`, `NotFound` of an unknown kind."""
    group = group_of(metric)
    root = ["apis", *apis.root(group).split("/"), "namespaces", namespace]
    match metric["type"]:
        case "External":
            source = metric["external"]["metric"]
            selector = query_of(source.get("selector"))
            return path_of(*root, source["name"], labelSelector=selector)
        case "Pods":
            source = metric["pods"]["metric"]
            selector = query_of(source.get("selector"))
            of_pods = [*root, "pods", "*", source["name"]]
            return path_of(*of_pods, labelSelector=pod_selector, metricLabelSelector=selector)
        case "Object":
            return _object_path(metric["object"], root, api)
    return path_of(*root, "pods", labelSelector=pod_selector)


def reading_of(metric: Json, response: Json | ClusterError) -> Reading:
    """What the controller makes of a response."""
    name = _APIS[metric["type"]][0]
    if isinstance(response, ClusterError):
        message = str(response).removesuffix(".")
        return Unavailable(f"unable to fetch metrics from {name} metrics API: {message}")
    items = response.get("items") or ()
    if not items:
        return Unavailable(f"no metrics returned from {name} metrics API")
    match metric["type"]:
        case "Resource":
            return _pod_samples(items, metric["resource"]["name"])
        case "ContainerResource":
            source = metric["containerResource"]
            return _container_samples(items, source["name"], source["container"])
        case "Pods":
            return PodSamples({_described(item): _custom_sample(item) for item in items})
        case "Object":
            return Values([parse_quantity(items[0]["value"])])
    return Values([parse_quantity(item["value"]) for item in items])


def _object_path(source: Json, root: Sequence[str], api: KubernetesApi) -> str:
    described, metric = source["describedObject"], source["metric"]
    selector = query_of(metric.get("selector"))
    if described["kind"] == "Namespace":
        return path_of(*root, "metrics", metric["name"], metricLabelSelector=selector)
    version = described.get("apiVersion", "v1")
    resource = find_resource(api, api_version=version, kind=described["kind"])
    of_object = [*root, resource.qualified_name, described["name"], metric["name"]]
    return path_of(*of_object, metricLabelSelector=selector)


def _pod_samples(items: Sequence[Json], resource: str) -> PodSamples:
    """A pod of which one container was not measured has no sample."""
    measured = {_pod(item): item for item in items if item.get("containers")}
    return PodSamples(
        {
            name: _sample(item, item["containers"], resource)
            for name, item in measured.items()
            if all(resource in one["usage"] for one in item["containers"])
        }
    )


def _container_samples(
    items: Sequence[Json], resource: str, container: str
) -> PodSamples | Unavailable:
    """One pod whose metrics do not have the container at all makes the whole metric fail."""
    samples = {}
    for item in items:
        containers = item.get("containers") or ()
        found = next((one for one in containers if one["name"] == container), None)
        if found is None:
            pod = f"{item['metadata'].get('namespace', '')}/{_pod(item)}"
            return Unavailable(
                "failed to get container metrics: "
                f"container {container} not present in metrics for pod {pod}"
            )
        if resource in found["usage"]:
            samples[_pod(item)] = _sample(item, [found], resource)
    return PodSamples(samples)


def _pod(item: Json) -> str:
    name: str = item["metadata"]["name"]
    return name


def _sample(item: Json, containers: Sequence[Json], resource: str) -> Sample:
    value = sum(parse_quantity(one["usage"][resource]) for one in containers)
    return Sample(value, parse_time(item["timestamp"]) or 0.0, parse_duration(item["window"]))


def _described(item: Json) -> str:
    name: str = item["describedObject"]["name"]
    return name


def _custom_sample(item: Json) -> Sample:
    window = item.get("windowSeconds", item.get("window"))
    return Sample(
        parse_quantity(item["value"]),
        parse_time(item["timestamp"]) or 0.0,
        DEFAULT_WINDOW if window is None else float(window),
    )
