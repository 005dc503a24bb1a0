"""Resource requests: utilization is a share of them, so every container needs one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cartwheel.autoscaling.observation import Pod
from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import (
    Target,
    autoscalers,
    owner_of,
    pods_of,
    resource_metrics,
    target_of,
    template_of,
    workload,
)
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.pods import pod_from_object

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
    own, others = _by_owner(target, pods_of(view, scaled))
    for owner, pod in others.items():
        if any(_containers_without(pod_from_object(pod), resource, only)):
            yield _stranger(view, target, pod, owner, resource)
    template = _pod_of(template_of(scaled))
    # What is admitted may differ from the template: a LimitRange or a webhook adds to it.
    judged = own or [template]
    names = {name for pod in judged for name in pod.requests}
    lacking = {name for pod in judged for name in _containers_without(pod, resource, only)}
    for container in sorted(lacking):
        if template.requests and container not in template.requests:
            yield _injected(view, target, container, resource)
        else:
            of = "its pods" if own else "the template of its pods, of which there are none"
            yield _without(view, target, container, resource, evidence=of)
    if only and names and only not in names:
        yield _no_such_container(view, target, only, names)


def _by_owner(target: Target, pods: Sequence[Json]) -> tuple[list[Pod], dict[str, Json]]:
    """The pods of a target, and one pod of each other owner that its selector matches."""
    own: list[Pod] = []
    others: dict[str, Json] = {}
    for pod in pods:
        # Whose the pods of a custom resource are does not show.
        if owner_of(pod) == target.name or not target.is_usual:
            own.append(pod_from_object(pod))
        else:
            others.setdefault(owner_of(pod), pod)
    return own, others


def _containers_without(pod: Pod, resource: str, only: str | None) -> Iterator[str]:
    if only is None and resource in pod.pod_requests:
        return
    for name, requests in pod.requests.items():
        if only in (None, name) and resource not in requests:
            yield name


def _pod_of(template: Json) -> Pod:
    """The pod that a template makes, if nothing else adds to it."""
    spec = template.get("spec") or {}
    containers = {
        kind: [_with_defaults(each) for each in spec.get(kind) or []]
        for kind in ("containers", "initContainers")
    }
    pod = {"metadata": {"name": "template"}, "spec": {**_with_defaults(spec), **containers}}
    return pod_from_object(pod)


def _with_defaults(holder: Json) -> Json:
    """A limit alone is the request too: the API server writes it into the pod."""
    resources = holder.get("resources") or {}
    requests = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {**holder, "resources": {**resources, "requests": requests}}


def _without(
    view: ClusterView, target: Target, container: str, resource: str, *, evidence: str
) -> Finding:
    return Finding(
        about=target.name,
        problem=f"its container {container} has no {resource} request, "
        "so there is no utilization to scale on",
        evidence=evidence,
        command=view.kubectl(
            f"set resources {target.name} --containers {container} "
            f"--requests {resource}={EXAMPLES.get(resource, '1')}"
            if target.is_usual
            else f"edit {target.name}"
        ),
    )


def _stranger(view: ClusterView, target: Target, pod: Json, owner: str, resource: str) -> Finding:
    return Finding(
        about=target.name,
        problem=f"its selector also matches {pod['metadata']['name']} of {owner}, "
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
        evidence="containerResource of the autoscaler, and its pods or their template",
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
