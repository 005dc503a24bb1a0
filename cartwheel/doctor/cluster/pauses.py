"""Autoscalers that are paused, on purpose or not."""

from collections.abc import Iterator

from cartwheel.autoscaling.manifests import pausing_annotations
from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import (
    autoscalers,
    name_of,
    scaled_object_of,
    target_of,
    workload,
)
from cartwheel.doctor.finding import Finding, Outcome


def examine(view: ClusterView) -> Iterator[Outcome]:
    yield from _at_zero(view)
    for each in view.list("scaledobjects"):
        annotations = each["metadata"].get("annotations") or {}
        for name in pausing_annotations(annotations):
            about = f"scaledobject/{each['metadata']['name']}"
            yield Finding(
                about=about,
                problem=f"KEDA is told to pause it ({name.rpartition('/')[2]}), "
                "so it does not follow the load",
                evidence=f"annotation {name}: {annotations[name]}",
                command=view.kubectl(f"annotate {about} {name}-"),
            )


def _at_zero(view: ClusterView) -> Iterator[Finding]:
    for autoscaler in autoscalers(view):
        target = target_of(autoscaler)
        found = workload(view, target)
        minimum = autoscaler["spec"].get("minReplicas", 1)
        # KEDA scales to zero itself, and back.
        if found is None or minimum == 0 or scaled_object_of(autoscaler):
            continue
        if found["spec"].get("replicas", 1) == 0:
            yield Finding(
                about=target.name,
                problem=f"it is at 0 replicas, which pauses {name_of(autoscaler)}",
                evidence="spec.replicas is 0; the controller then sets ScalingActive False, "
                "ScalingDisabled",
                command=view.kubectl(f"scale {target.name} --replicas {minimum}"),
            )


CHECK = Check("pauses", "workloads at 0 replicas and ScaledObjects that are paused", examine)
