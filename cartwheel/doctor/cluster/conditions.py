"""Conditions of autoscalers, explained by what was found before where that is possible."""

import re
from collections.abc import Iterator, Sequence

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.api_services import METRIC_TYPES
from cartwheel.doctor.cluster.keda_installation import WITHOUT_METRICS
from cartwheel.doctor.cluster.prometheus_servers import servers_of
from cartwheel.doctor.cluster.spans import format_span
from cartwheel.doctor.cluster.view import ClusterView, condition_of
from cartwheel.doctor.cluster.workloads import (
    autoscalers,
    metrics_of,
    name_of,
    resource_metrics,
    scaled_object_of,
    target_of,
)
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.errors import ClusterError

# These checks look at the workload; those behind the metrics are added.
OF_THE_TARGET = (
    *("two-autoscalers", "missing-targets", "pauses", "requests"),
    *("quotas", "images", "pods"),
)
SETTLING_TIME = 60.0  # seconds; a new autoscaler has no metric at first
ALLOCATED = "describe nodes | grep -A 8 '^Allocated'"
SAYS = {
    "ScalingDisabled": "it is paused: its workload is at 0 replicas",
    "AmbiguousSelector": "it is stopped: another autoscaler targets the same pods",
    "FailedGetScale": "it cannot read its workload",
    "FailedUpdateScale": "it cannot change its workload",
    "InvalidSelector": "it cannot tell the pods of its workload by their labels",
}


def examine(view: ClusterView) -> Iterator[Outcome]:
    for autoscaler in autoscalers(view):
        findings = [*_wrong_with(view, autoscaler)]
        yield from findings
        if condition_of(autoscaler, "ScalingActive").get("status") == "True" and not findings:
            yield Healthy(f"{name_of(autoscaler)} is active")


def _wrong_with(view: ClusterView, autoscaler: Json) -> Iterator[Finding]:
    for kind in ("AbleToScale", "ScalingActive"):
        condition = condition_of(autoscaler, kind)
        if condition.get("status") != "False" or _is_new(view, autoscaler):
            continue
        reason, since = condition.get("reason", ""), condition.get("lastTransitionTime")
        span = f" (for {format_span(view.seconds_since(since))})" if since else ""
        yield Finding(
            about=name_of(autoscaler),
            problem=_says(reason) + span,
            evidence=f"condition {kind}: {reason}: {_plain(condition.get('message', ''))}",
            command=view.kubectl(f"describe {name_of(autoscaler)}"),
            follows_from=_causes(view, autoscaler),
        )
        return
    yield from _at_maximum(view, autoscaler)


def _says(reason: str) -> str:
    # `FailedGetResourceMetric` and its like.
    of_metric = "Metric" in reason
    return SAYS.get(reason, "it has no metric" if of_metric else f"it does not scale ({reason})")


def _is_new(view: ClusterView, autoscaler: Json) -> bool:
    created = autoscaler["metadata"].get("creationTimestamp")
    return created is not None and view.seconds_since(created) < SETTLING_TIME


def _causes(view: ClusterView, autoscaler: Json) -> Sequence[str]:
    target = target_of(autoscaler).name
    scaled_object = scaled_object_of(autoscaler)
    about = [name_of(autoscaler), target, f"scaledobject/{scaled_object}"]
    causes = [f"{check} {name}" for check in (*OF_THE_TARGET, "chain") for name in about]
    if any(resource_metrics(autoscaler)):
        causes.append("metrics-server")
    types = {metric["type"] for metric in metrics_of(autoscaler)}
    causes += [f"metric-apis {group}" for group, of in METRIC_TYPES.items() if types & {*of}]
    if scaled_object and "External" in types:
        causes += [*WITHOUT_METRICS, *_findings_of_servers(view, scaled_object)]
    return causes


def _findings_of_servers(view: ClusterView, scaled_object: str) -> Sequence[str]:
    try:
        found = view.named("scaledobjects", scaled_object)
    except ClusterError:
        return []
    return [each.finding for each in servers_of(view, found)] if found else []


def _at_maximum(view: ClusterView, autoscaler: Json) -> Iterator[Finding]:
    limited = condition_of(autoscaler, "ScalingLimited")
    maximum = autoscaler["spec"]["maxReplicas"]
    if limited.get("status") != "True" or limited.get("reason") != "TooManyReplicas":
        return
    # KEDA would undo a change of the autoscaler that it made.
    scaled_object = scaled_object_of(autoscaler)
    name = f"scaledobject/{scaled_object}" if scaled_object else name_of(autoscaler)
    field = "maxReplicaCount" if scaled_object else "maxReplicas"
    patch = f'{{"spec": {{"{field}": {2 * maximum}}}}}'
    yield Finding(
        about=name_of(autoscaler),
        problem=f"the load asks for more than its maximum of {maximum} replicas",
        evidence=f"condition ScalingLimited: {limited['reason']}. A higher maximum needs room on "
        "the nodes, and stores and upstreams that take the load: look at the first before the "
        "second command",
        command=f"{view.kubectl(ALLOCATED, '')}\n"
        + view.kubectl(f"patch {name} --type merge --patch '{patch}'"),
        severity=Severity.RISK,
    )


def _plain(message: str) -> str:
    """The message without the repetitions that the controller nests."""
    return re.sub(r"^the HPA was unable to compute the replica count: ", "", message).rstrip(".")


CHECK = Check("conditions", "conditions of autoscalers that say they do not scale", examine)
