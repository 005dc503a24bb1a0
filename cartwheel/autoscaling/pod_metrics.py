"""The number of replicas for a metric that each pod has: Resource, ContainerResource, Pods.

Source: `GetResourceReplicas` and `calcPlainMetricReplicas` in kubernetes
`pkg/controller/podautoscaler/replica_calculator.go`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cartwheel.autoscaling.decision import PodGroup
from cartwheel.autoscaling.errors import MetricError
from cartwheel.autoscaling.pod_groups import Grouped
from cartwheel.autoscaling.tolerance import Tolerance

Values = Mapping[str, int]
"""Thousandths by the name of the pod."""


@dataclass(frozen=True)
class Usage:
    """``reported`` is what the status shows: percent for a utilization, else thousandths."""

    reported: int
    ratio: float


@dataclass(frozen=True)
class PodMetricResult:
    """``final`` is the usage after the gaps were filled, ``base`` the pods it was multiplied by."""

    replicas: int
    usage: Usage
    final: Usage
    base: int


def utilization(values: Values, requests: Values, target: int) -> Usage:
    """Sum of usage over sum of requests, in whole percent: the division drops the rest.

    Values of unknown pods do not count. Raises `MetricError` without any known one.
    """
    known = values.keys() & requests.keys()
    requested = sum(requests[name] for name in known)
    if not requested:
        raise MetricError("no metrics returned matched known pods")
    percent = sum(values[name] for name in known) * 100 // requested
    return Usage(percent, percent / target)


def average(values: Values, target: int) -> Usage:
    """The average over the pods, in whole thousandths: the division drops the rest."""
    mean = sum(values.values()) // len(values)
    return Usage(mean, mean / target)


def replicas_for(
    groups: Mapping[str, Grouped],
    values: Values,
    *,
    current: int,
    measure: Callable[[Values], Usage],
    missing_value: Callable[[str, float], int | None],
    tolerance: Tolerance,
) -> PodMetricResult:
    """How many replicas bring the metric to its target.

    ``measure`` computes usage from values, ``missing_value`` what a missing pod counts as at a
    ratio. Raises `MetricError` without a pod that counts.
    """
    unready = {name for name, one in groups.items() if one.group is PodGroup.UNREADY}
    missing = {name for name, one in groups.items() if one.group is PodGroup.MISSING}
    ignored = {name for name, one in groups.items() if one.group is PodGroup.IGNORED}
    ready = sum(one.group is PodGroup.READY for one in groups.values())
    counted = {name: v for name, v in values.items() if name not in unready | ignored}
    if not counted:
        raise MetricError("did not receive metrics for targeted pods (pods might be unready)")

    usage = measure(counted)
    grows_with_unready = bool(unready) and usage.ratio > 1
    if not grows_with_unready and not missing:
        replicas = replicas_without_gaps(usage, ready=ready, current=current, tolerance=tolerance)
        return PodMetricResult(replicas, usage, usage, ready)

    filled = dict(counted)
    for name in missing:
        value = missing_value(name, usage.ratio)
        if value is not None:
            filled[name] = value
    if grows_with_unready:
        filled |= dict.fromkeys(unready, 0)
    final = measure(filled)
    replicas = _unless_reversed(usage, final, len(filled), current, tolerance)
    return PodMetricResult(replicas, usage, final, len(filled))


def replicas_without_gaps(usage: Usage, *, ready: int, current: int, tolerance: Tolerance) -> int:
    """Every pod counts with its value: the ratio times the ready pods."""
    return current if tolerance.contains(usage.ratio) else math.ceil(usage.ratio * ready)


def _unless_reversed(
    first: Usage, final: Usage, base: int, current: int, tolerance: Tolerance
) -> int:
    """Gaps may make a change smaller, but never turn it round."""
    reversed_ = (first.ratio - 1) * (final.ratio - 1) < 0
    if tolerance.contains(final.ratio) or reversed_:
        return current
    replicas = math.ceil(final.ratio * base)
    if (final.ratio < 1 and replicas > current) or (final.ratio > 1 and replicas < current):
        return current
    return replicas
