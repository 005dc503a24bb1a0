"""CPU limits that hide the load: usage above the limit cannot be seen, so scaling takes steps."""

import json
from collections.abc import Iterator, Sequence

from cartwheel.autoscaling.quantities import parse_quantity
from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import (
    Target,
    autoscalers,
    resource_metrics,
    target_of,
    template_of,
    workload,
)
from cartwheel.doctor.finding import Finding, Outcome, Severity
from cartwheel.kubernetes.api import Json

# A decision that can at least double the replicas is quick enough.
MIN_FACTOR = 2.0


def examine(view: ClusterView) -> Iterator[Outcome]:
    for autoscaler in autoscalers(view):
        target = target_of(autoscaler)
        found = workload(view, target)
        for metric in resource_metrics(autoscaler):
            goal = metric["target"].get("averageUtilization")
            if found is None or goal is None or metric["name"] != "cpu":
                continue
            factor = _largest_factor(found, metric.get("container"), goal)
            if factor is not None and factor < MIN_FACTOR:
                yield Finding(
                    about=target.name,
                    problem=f"its CPU limit hides the load: one decision can multiply its replicas "
                    f"by {factor:.1f} at most",
                    evidence=f"limit / (request × {goal} %); throttling also delays responses "
                    "and probes",
                    command=_without_limit(view, target, found, metric.get("container")),
                    severity=Severity.RISK,
                )


def _without_limit(view: ClusterView, target: Target, found: Json, only: str | None) -> str:
    if not target.is_usual:
        # Custom resources take no such patch.
        return view.kubectl(f"edit {target.name}")
    containers = [
        {"name": each["name"], "resources": {"limits": {"cpu": None}}}
        for each in _containers(found, only)
    ]
    patch = json.dumps({"spec": {"template": {"spec": {"containers": containers}}}})
    return view.kubectl(f"patch {target.name} --patch '{patch}'")


def _largest_factor(found: Json, only: str | None, goal: int) -> float | None:
    """How far usage can exceed the target; None if a container has no limit."""
    requests = limits = 0
    for each in _containers(found, only):
        resources = each.get("resources") or {}
        limit = (resources.get("limits") or {}).get("cpu")
        if limit is None:
            return None
        limits += parse_quantity(limit)
        requests += parse_quantity((resources.get("requests") or {}).get("cpu", limit))
    return limits / (requests * goal / 100) if requests and goal else None


def _containers(found: Json, only: str | None) -> Sequence[Json]:
    """Those that the autoscaler counts."""
    containers = (template_of(found).get("spec") or {}).get("containers") or []
    return [each for each in containers if only in (None, each["name"])]


CHECK = Check("cpu-limits", "CPU limits so near the request that they hide the load", examine)
