"""Resource requests: utilization is a share of them, so every container needs one."""

from collections.abc import Iterator, Mapping
from typing import Any

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import (
    Target,
    autoscalers,
    owner_of,
    pods_of,
    resource_metrics,
    target_of,
    workload,
)
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.kubernetes.api import Json

EXAMPLES = {"cpu": "100m", "memory": "128Mi"}


def examine(view: ClusterView) -> Iterator[Outcome]:
    looked_at, found = 0, set()
    for autoscaler in autoscalers(view):
        target = target_of(autoscaler)
        scaled = workload(view, target)
        for metric in resource_metrics(autoscaler):
            if scaled is None or metric["target"]["type"] != "Utilization":
                continue
            looked_at += 1
            for finding in _missing(view, target, scaled, metric):
                # Several metrics or autoscalers may lack the same request.
                if finding not in found:
                    found.add(finding)
                    yield finding
    if looked_at and not found:
        yield Healthy("each container that is scaled on has its request")


def _missing(
    view: ClusterView, target: Target, scaled: Json, metric: Mapping[str, Any]
) -> Iterator[Finding]:
    resource, only = metric["name"], metric.get("container")
    pods = pods_of(view, scaled)
    strangers: set[str] = set()
    for pod in pods:
        lacking = [*_containers_without(pod, resource, only)]
        if lacking and owner_of(pod) != target.name and owner_of(pod) not in strangers:
            strangers.add(owner_of(pod))
            yield _stranger(view, target, pod, resource)
    template = scaled["spec"].get("template") or {}
    for container in _containers_without(template, resource, only):
        yield _without(view, target, container, resource)
    if only and only not in _names(template):
        yield _no_such_container(view, target, only, _names(template))
    injected = {
        container
        for pod in pods
        if owner_of(pod) == target.name
        for container in _containers_without(pod, resource, only)
    } - _names(template)
    for container in sorted(injected):
        yield _injected(view, target, container, resource)


def _containers_without(pod: Json, resource: str, only: str | None) -> Iterator[str]:
    for container in _containers(pod):
        requests = (container.get("resources") or {}).get("requests") or {}
        # A limit alone is the request too: the API server writes it into the pod.
        limits = (container.get("resources") or {}).get("limits") or {}
        if only in (None, container["name"]) and not {resource} & {*requests, *limits}:
            yield container["name"]


def _containers(pod: Json) -> Iterator[Mapping[str, Any]]:
    spec = pod.get("spec") or {}
    yield from spec.get("containers") or []
    for container in spec.get("initContainers") or []:
        # A sidecar runs, and counts, as long as the pod.
        if container.get("restartPolicy") == "Always":
            yield container


def _names(pod: Json) -> set[str]:
    return {container["name"] for container in _containers(pod)}


def _without(view: ClusterView, target: Target, container: str, resource: str) -> Finding:
    return Finding(
        about=target.name,
        problem=f"its container {container} has no {resource} request, "
        "so there is no utilization to scale on",
        evidence="the template of its pods",
        command=view.kubectl(
            f"set resources {target.name} --containers {container} "
            f"--requests {resource}={EXAMPLES.get(resource, '1')}"
        ),
    )


def _stranger(view: ClusterView, target: Target, pod: Json, resource: str) -> Finding:
    return Finding(
        about=target.name,
        problem=f"its selector also matches {pod['metadata']['name']} of {owner_of(pod)}, "
        f"which has no {resource} request: one such pod is enough to stop the autoscaler",
        evidence="the labels of the pod, and the selector of the workload",
        command=view.kubectl(f"get pods --show-labels {pod['metadata']['name']}"),
    )


def _no_such_container(
    view: ClusterView, target: Target, container: str, names: set[str]
) -> Finding:
    return Finding(
        about=target.name,
        problem=f"its autoscaler counts the container {container}, and it has only "
        f"{', '.join(sorted(names))}",
        evidence="containerResource of the autoscaler, and the template of the pods",
        command=view.kubectl(f"get {target.name} --output jsonpath='{{..containers[*].name}}'"),
    )


def _injected(view: ClusterView, target: Target, container: str, resource: str) -> Finding:
    return Finding(
        about=target.name,
        problem=f"the container {container} that was added to its pods has no {resource} request",
        evidence="it is in the pods and not in the template: a mesh adds such sidecars. "
        "A ContainerResource metric counts one container only",
        command=view.kubectl("get hpa --output yaml"),
    )


CHECK = Check("requests", "containers without the request that an autoscaler divides by", examine)
