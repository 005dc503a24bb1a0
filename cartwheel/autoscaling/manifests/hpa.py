"""A HorizontalPodAutoscaler manifest, `autoscaling/v2` or `autoscaling/v1`.

Source of the defaults and the bounds: `pkg/apis/autoscaling/v2/defaults.go` and
`pkg/apis/autoscaling/validation/validation.go` in kubernetes.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from cartwheel.autoscaling.manifests.behavior import read_behavior
from cartwheel.autoscaling.manifests.fields import Fields
from cartwheel.autoscaling.manifests.metadata import read_metadata, read_name
from cartwheel.autoscaling.manifests.selector import read_selector
from cartwheel.autoscaling.spec import (
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    Metric,
    ObjectMetric,
    PodsMetric,
    ResourceMetric,
    ScaleTarget,
    Target,
    TargetType,
)

# The API adds it to an autoscaler without metrics.
DEFAULT_CPU_UTILIZATION = 80
# Where autoscaling/v1 keeps what it has no fields for, as JSON.
_V1_ANNOTATIONS = (
    "autoscaling.alpha.kubernetes.io/metrics",
    "autoscaling.alpha.kubernetes.io/behavior",
)
_TARGET_FIELDS = {
    TargetType.UTILIZATION: "averageUtilization",
    TargetType.AVERAGE_VALUE: "averageValue",
    TargetType.VALUE: "value",
}


class Source(StrEnum):
    """The `type` of a metric."""

    RESOURCE = "Resource"
    CONTAINER_RESOURCE = "ContainerResource"
    PODS = "Pods"
    OBJECT = "Object"
    EXTERNAL = "External"

    @property
    def field(self) -> str:
        return self.value[0].lower() + self.value[1:]


class Resource(StrEnum):
    """What the metrics API (metrics.k8s.io) has."""

    CPU = "cpu"
    MEMORY = "memory"


def read_hpa(root: Fields) -> HorizontalPodAutoscalerSpec:
    """Read `autoscaling/v2`."""
    root.ignore("status")
    metadata = read_metadata(root)
    with root.mapping("spec") as fields:
        target = _read_scale_target(fields)
        minimum, maximum = _read_limits(fields)
        metrics = tuple(metric for one in fields.items("metrics") if (metric := _read_metric(one)))
        if not fields.is_wrong("minReplicas") and minimum == 0 and not _can_scale_to_zero(metrics):
            fields.report("0 needs a metric of the type Object or External", "minReplicas")
        return HorizontalPodAutoscalerSpec(
            name=metadata.name,
            namespace=metadata.namespace,
            target=target,
            min_replicas=minimum,
            max_replicas=maximum,
            metrics=metrics or (_cpu_utilization(DEFAULT_CPU_UTILIZATION),),
            behavior=read_behavior(fields),
        )


def read_hpa_v1(root: Fields) -> HorizontalPodAutoscalerSpec:
    """Read `autoscaling/v1`, which knows CPU utilization alone."""
    root.ignore("status")
    metadata = read_metadata(root)
    for annotation in _V1_ANNOTATIONS:
        if annotation in metadata.annotations:
            root.report(
                f"the annotation {annotation} holds what autoscaling/v1 has no field for; "
                "get it as autoscaling/v2: kubectl get hpa.v2.autoscaling",
                "metadata",
            )
    with root.mapping("spec") as fields:
        minimum, maximum = _read_limits(fields)
        percent = fields.integer(
            "targetCPUUtilizationPercentage", DEFAULT_CPU_UTILIZATION, minimum=1
        )
        return HorizontalPodAutoscalerSpec(
            name=metadata.name,
            namespace=metadata.namespace,
            target=_read_scale_target(fields),
            min_replicas=minimum,
            max_replicas=maximum,
            metrics=(_cpu_utilization(percent),),
        )


def _cpu_utilization(percent: int) -> ResourceMetric:
    return ResourceMetric("cpu", Target(TargetType.UTILIZATION, percent))


def _can_scale_to_zero(metrics: Sequence[Metric]) -> bool:
    return any(isinstance(one, ObjectMetric | ExternalMetric) for one in metrics)


def _read_limits(fields: Fields) -> tuple[int, int]:
    minimum = fields.integer("minReplicas", 1)
    maximum = fields.integer("maxReplicas", minimum=1)
    if not fields.is_wrong("minReplicas", "maxReplicas") and maximum < minimum:
        fields.report(f"must be at least minReplicas ({minimum}), but is {maximum}", "maxReplicas")
    return minimum, maximum


def _read_scale_target(parent: Fields) -> ScaleTarget:
    with parent.mapping("scaleTargetRef") as fields:
        kind = fields.text("kind")
        version = fields.text("apiVersion", "")
        if not version and kind != "ReplicationController" and not fields.is_wrong("apiVersion"):
            fields.report(
                f"missing; the controller finds no {kind or 'workload'} without it", "apiVersion"
            )
        return ScaleTarget(kind, read_name(fields), version or "v1")


def _read_metric(fields: Fields) -> Metric | None:
    with fields:
        source = fields.choice("type", Source)
        fields.ignore(*(one.field for one in Source))
        if fields.is_wrong("type"):
            return None
        for other in Source:
            if other is not source and fields.has(other.field):
                fields.report(f"set, but the type is {source}", other.field)
        with fields.mapping(source.field) as details:
            return _READERS[source](details)


def _read_resource(fields: Fields) -> ResourceMetric:
    target = _read_target(fields, TargetType.UTILIZATION, TargetType.AVERAGE_VALUE)
    return ResourceMetric(fields.choice("name", Resource).value, target)


def _read_container_resource(fields: Fields) -> ResourceMetric:
    target = _read_target(fields, TargetType.UTILIZATION, TargetType.AVERAGE_VALUE)
    return ResourceMetric(fields.choice("name", Resource).value, target, fields.text("container"))


def _read_pods(fields: Fields) -> PodsMetric:
    name, selector = _read_identifier(fields)
    return PodsMetric(name, _read_target(fields, TargetType.AVERAGE_VALUE), selector)


def _read_object(fields: Fields) -> ObjectMetric:
    name, selector = _read_identifier(fields)
    with fields.mapping("describedObject") as described:
        described.ignore("apiVersion")
        described_object = f"{described.text('kind')}/{described.text('name')}"
    target = _read_target(fields, TargetType.VALUE, TargetType.AVERAGE_VALUE)
    return ObjectMetric(name, target, described_object, selector)


def _read_external(fields: Fields) -> ExternalMetric:
    name, selector = _read_identifier(fields)
    target = _read_target(fields, TargetType.VALUE, TargetType.AVERAGE_VALUE)
    return ExternalMetric(name, target, selector)


_READERS: Mapping[Source, Callable[[Fields], Metric]] = {
    Source.RESOURCE: _read_resource,
    Source.CONTAINER_RESOURCE: _read_container_resource,
    Source.PODS: _read_pods,
    Source.OBJECT: _read_object,
    Source.EXTERNAL: _read_external,
}


def _read_identifier(parent: Fields) -> tuple[str, str]:
    with parent.mapping("metric") as fields:
        return fields.text("name"), read_selector(fields)


def _read_target(parent: Fields, *allowed: TargetType) -> Target:
    with parent.mapping("target") as fields:
        kind = fields.choice("type", TargetType, among=allowed)
        fields.ignore(*_TARGET_FIELDS.values())
        if fields.is_wrong("type"):
            return Target(kind, 1)
        name = _TARGET_FIELDS[kind]
        for other in _TARGET_FIELDS.values():
            if other != name and fields.has(other):
                fields.report(f"set, but the type is {kind}, which has {name}", other)
        if kind is TargetType.UTILIZATION:
            return Target(kind, fields.integer(name, minimum=1))
        return Target(kind, fields.quantity(name))
