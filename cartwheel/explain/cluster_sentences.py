"""What is around an autoscaler in a cluster, in plain sentences."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from cartwheel.autoscaling.manifests import Autoscaler, Problem
from cartwheel.autoscaling.sentence import Basis, Sentence, number_of_replicas
from cartwheel.autoscaling.spec import ScaleTarget as NamedTarget
from cartwheel.explain.cluster_autoscalers import (
    ClusterAutoscaler,
    is_same_target,
    made_autoscaler,
)
from cartwheel.explain.scaled_object_sentences import sentence_of
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.history import Rescale
from cartwheel.kubernetes.namespaces import CONTROLLER, Unseen
from cartwheel.kubernetes.pods import condition_of
from cartwheel.kubernetes.targets import ScaleTarget
from cartwheel.kubernetes.times import parse_time

# What a container waits for while its pod starts.
_STARTING = ("ContainerCreating", "PodInitializing")


def about_missing(target: ScaleTarget, named: NamedTarget) -> Iterator[Sentence]:
    """An autoscaler whose workload does not exist."""
    if target.is_missing:
        text = f"There is no {named.kind} {named.name} in this namespace: nothing can be scaled."
        yield Sentence(text, Basis.MEASURED)


def about_unreadable(
    autoscaler: ClusterAutoscaler, problems: Sequence[Problem]
) -> Iterator[Sentence]:
    """An autoscaler that cannot be read here, and so not be computed."""
    for problem in problems:
        why = replace(problem, source="", line=None)
        yield Sentence(f"{autoscaler.name} cannot be read: {sentence_of(str(why))}", Basis.MEASURED)


def about_workload(workload: Json | None) -> Iterator[Sentence]:
    """A rollout of a Deployment or StatefulSet."""
    if workload is None or workload.get("kind") not in ("Deployment", "StatefulSet"):
        return
    status = workload.get("status") or {}
    updated = status.get("updatedReplicas", 0)
    old = status.get("replicas", 0) - updated
    if old > 0:
        replicas = number_of_replicas(workload["spec"].get("replicas", 1))
        text = (
            f"A rollout is under way: {updated} of {replicas} have the new version, and {old} of "
            f"the old version still {'runs' if old == 1 else 'run'}."
        )
        yield Sentence(text, Basis.MEASURED)
    progressing = condition_of(workload, "Progressing")
    if progressing is not None and progressing.get("reason") == "ProgressDeadlineExceeded":
        yield Sentence("The rollout does not progress (ProgressDeadlineExceeded).", Basis.MEASURED)


def about_stuck_pods(pods: Sequence[Json]) -> Iterator[Sentence]:
    """Pods that exist and cannot run: they count as replicas and take no load."""
    reasons: dict[str, list[str]] = {}
    for pod in pods:
        if reason := _why_stuck(pod):
            reasons.setdefault(reason, []).append(pod["metadata"]["name"])
    for reason, names in reasons.items():
        subject = f"{names[0]} does" if len(names) == 1 else f"{len(names)} pods do"
        yield Sentence(f"{subject} not run: {sentence_of(reason)}", Basis.MEASURED)


def _why_stuck(pod: Json) -> str:
    """No node takes the pod, or a container does not start; empty for any other pod."""
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled is not None and scheduled["status"] == "False":
        return str(scheduled.get("message") or scheduled.get("reason", ""))
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, *_STARTING):
            return f"container {container['name']}: {waiting['reason']}"
    return ""


def about_other_autoscalers(
    autoscaler: Json, autoscalers: Sequence[Json], scaled_objects: Sequence[Json]
) -> Iterator[Sentence]:
    """Two autoscalers on one workload."""
    own, target = autoscaler["metadata"]["name"], autoscaler["spec"]["scaleTargetRef"]
    others = [
        f"hpa/{one['metadata']['name']}"
        for one in autoscalers
        if one["metadata"]["name"] != own and is_same_target(one["spec"]["scaleTargetRef"], target)
    ]
    others += [
        f"scaledobject/{one['metadata']['name']}"
        for one in scaled_objects
        if is_same_target(one["spec"]["scaleTargetRef"], target)
        and made_autoscaler(one) not in {own, *(other.partition("/")[2] for other in others)}
    ]
    if others:
        text = (
            f"{' and '.join(others)} {'scales' if len(others) == 1 else 'scale'} "
            f"{target['kind']} {target['name']} too: delete all but one. The controller stops both "
            "as soon as it sees that they select the same pods (AmbiguousSelector)."
        )
        yield Sentence(text, Basis.MEASURED)


def about_absent_autoscaler(target: ScaleTarget, spec: Autoscaler) -> Sentence:
    """A ScaledObject without its HorizontalPodAutoscaler: nothing decides."""
    scale = target.scale
    has = "" if scale is None else f" at {number_of_replicas(scale.spec_replicas)}"
    text = (
        f"{spec.target.kind} {spec.target.name} stays{has}: no HorizontalPodAutoscaler of "
        f"ScaledObject {spec.name} exists."
    )
    return Sentence(text, Basis.MEASURED)


def unseen_notes(*unseen: Iterable[Unseen]) -> list[str]:
    """What is not visible. The controller's options are left out: defaults take their place."""
    return [
        f"Not visible: {one.what} ({one.why.rstrip('.')})."
        for one in chain(*unseen)
        if one.what != CONTROLLER
    ]


def about_last_change(hpa: Json, changes: Sequence[Rescale], *, now: float) -> Iterator[Sentence]:
    """When the count last changed, and why if the event is still there."""
    if changes:
        last = changes[-1]
        text = f"The last change, {now - last.at:.0f} s ago, was to "
        text += number_of_replicas(last.replicas)
        # A change that follows an earlier recommendation has no reason.
        yield Sentence(f"{text}{last.reason and f': {last.reason}'}.", Basis.MEASURED)
        return
    at = parse_time((hpa.get("status") or {}).get("lastScaleTime"))
    if at is not None:
        yield Sentence(f"The count last changed {now - at:.0f} s ago.", Basis.MEASURED)
