"""What is around an autoscaler in a cluster, in plain sentences."""

from collections.abc import Iterable, Iterator, Sequence

from cartwheel.autoscaling.sentence import Basis, Sentence, number_of_replicas
from cartwheel.autoscaling.spec import ScaleTarget as NamedTarget
from cartwheel.explain.cluster_autoscalers import is_same_target, made_autoscaler
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.history import Rescale
from cartwheel.kubernetes.namespaces import Unseen
from cartwheel.kubernetes.pods import condition_of
from cartwheel.kubernetes.targets import ScaleTarget
from cartwheel.kubernetes.times import parse_time

_PAUSED = "autoscaling.keda.sh/paused"
_MAX_QUERY = 160
# What a container waits for while its pod starts.
_STARTING = ("ContainerCreating", "PodInitializing")


def about_missing(target: ScaleTarget, named: NamedTarget) -> Iterator[Sentence]:
    """An autoscaler whose workload does not exist."""
    if target.is_missing:
        text = f"There is no {named.kind} {named.name} in this namespace: nothing can be scaled."
        yield Sentence(text, Basis.MEASURED)


def about_workload(workload: Json | None) -> Iterator[Sentence]:
    """A rollout of a Deployment or StatefulSet."""
    if workload is None:
        return
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    replicas = spec.get("replicas", 1)
    updated = status.get("updatedReplicas", 0)
    is_new = workload["metadata"].get("generation", 0) > status.get("observedGeneration", 0)
    if not replicas or not (is_new or updated < replicas or status.get("replicas", 0) > updated):
        return
    if workload.get("kind") not in ("Deployment", "StatefulSet"):
        return
    old = max(0, status.get("replicas", 0) - updated)
    if old or is_new:
        text = (
            f"A rollout is under way: {updated} of {number_of_replicas(replicas)} have the new "
            f"version, and {old} of the old one still run."
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
        yield Sentence(f"{subject} not run: {_sentence(reason)}", Basis.MEASURED)


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


def about_scaled_object(scaled_object: Json) -> Iterator[Sentence]:
    """What KEDA says about the ScaledObject that an autoscaler comes from."""
    name = scaled_object["metadata"]["name"]
    yield from _about_pause(scaled_object, name)
    yield from _about_fallback(scaled_object)
    ready = condition_of(scaled_object, "Ready")
    if ready is not None and ready["status"] == "False":
        text = f"KEDA: ScaledObject {name} is not ready: {_sentence(ready.get('message', ''))}"
        yield Sentence(text, Basis.MEASURED)
    active = condition_of(scaled_object, "HPAActive")
    if active is not None and active["status"] == "False":
        text = f"KEDA: its autoscaler does not scale (HPAActive): {_sentence(active['message'])}"
        yield Sentence(text, Basis.MEASURED)
    yield from _about_triggers(scaled_object, name)


def unseen_notes(unseen: Iterable[Unseen]) -> list[str]:
    return [f"Not visible: {one.what} ({one.why.rstrip('.')})." for one in unseen]


def about_last_change(hpa: Json, changes: Sequence[Rescale], *, now: float) -> Iterator[Sentence]:
    """When the count last changed, and why if the event is still there."""
    if changes:
        last = changes[-1]
        text = (
            f"The last change, {now - last.at:.0f} s ago, was to "
            f"{number_of_replicas(last.replicas)}: {last.reason}."
        )
        yield Sentence(text, Basis.MEASURED)
        return
    at = parse_time((hpa.get("status") or {}).get("lastScaleTime"))
    if at is not None:
        yield Sentence(f"The count last changed {now - at:.0f} s ago.", Basis.MEASURED)


def _about_pause(scaled_object: Json, name: str) -> Iterator[Sentence]:
    annotations = scaled_object["metadata"].get("annotations") or {}
    paused = condition_of(scaled_object, "Paused")
    is_paused = paused is not None and paused["status"] == "True"
    given = {key: value for key, value in annotations.items() if key.startswith(_PAUSED)}
    if not given and not is_paused:
        return
    named = ", ".join(f"{key}={value}" for key, value in sorted(given.items()))
    by = f" by the annotation {named}" if named else ""
    text = f"ScaledObject {name} is paused{by}."
    if is_paused:
        text += " KEDA has deleted its autoscaler, so nothing changes the count"
        text += " until the annotation is removed." if named else "."
    yield Sentence(text, Basis.MEASURED)


def _about_fallback(scaled_object: Json) -> Iterator[Sentence]:
    condition = condition_of(scaled_object, "Fallback")
    health = (scaled_object.get("status") or {}).get("health") or {}
    failing = {
        metric: one.get("numberOfFailures", 0)
        for metric, one in health.items()
        if one.get("status") == "Failing"
    }
    fallback = scaled_object["spec"].get("fallback")
    for metric, failures in failing.items():
        times = "once" if failures == 1 else f"{failures} times"
        text = f"KEDA could not read {metric} {times} in a row"
        if fallback is None:
            text += "; there is no fallback, so the metric is missing."
        else:
            text += f"; after {fallback['failureThreshold']} the fallback applies."
        yield Sentence(text, Basis.MEASURED)
    if condition is not None and condition["status"] == "True" and fallback is not None:
        behavior = fallback.get("behavior", "static")
        text = (
            f"The fallback is active: the value above is no measurement. KEDA reports the one that "
            f"leads to {number_of_replicas(fallback['replicas'])} (behavior {behavior})."
        )
        yield Sentence(text, Basis.MEASURED)


def _about_triggers(scaled_object: Json, name: str) -> Iterator[Sentence]:
    """Which trigger is behind each name of a metric."""
    names = (scaled_object.get("status") or {}).get("externalMetricNames") or ()
    for metric in names:
        index = metric.removeprefix("s").partition("-")[0]
        triggers = scaled_object["spec"]["triggers"]
        if not index.isdecimal() or int(index) >= len(triggers):
            continue
        trigger = triggers[int(index)]
        text = f"{metric} is the trigger {trigger['type']} of ScaledObject {name}"
        query = " ".join(str(trigger.get("metadata", {}).get("query", "")).split())
        if len(query) > _MAX_QUERY:
            query = f"{query[:_MAX_QUERY]}…"
        yield Sentence(f"{text}: {query}" if query else f"{text}.", Basis.MEASURED)


def _sentence(text: str) -> str:
    return f"{text.strip().rstrip('.')}."
