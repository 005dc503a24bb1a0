"""The number of replicas for a metric that is one value: Object and External.

Source: `GetObjectMetricReplicas`, `GetObjectPerPodMetricReplicas` and the same two for External in
kubernetes `pkg/controller/podautoscaler/replica_calculator.go`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cartwheel.autoscaling.errors import NO_PODS, MetricError
from cartwheel.autoscaling.observation import Pod
from cartwheel.autoscaling.tolerance import Tolerance

# Replica counts are 32-bit in the API.
MAX_REPLICAS = 2**31 - 1


@dataclass(frozen=True)
class SingleMetricResult:
    """``reported`` is in thousandths, ``base`` the replicas that the ratio refers to."""

    replicas: int
    reported: int
    ratio: float
    base: int


def replicas_for_value(
    value: int, target: int, *, current: int, pods: Sequence[Pod], tolerance: Tolerance
) -> SingleMetricResult:
    """A target of type Value: the ready pods are multiplied, not the current count."""
    ratio = value / target
    if not current:
        return SingleMetricResult(_bounded(math.ceil(ratio)), value, ratio, 1)
    if tolerance.contains(ratio):
        return SingleMetricResult(current, value, ratio, current)
    ready = _count_ready(pods)
    return SingleMetricResult(_bounded(math.ceil(ratio * ready)), value, ratio, ready)


def replicas_for_average_value(
    value: int, target: int, *, status_replicas: int, tolerance: Tolerance
) -> SingleMetricResult:
    """A target of type AverageValue: total ÷ target, whatever the pods do.

    The tolerance is checked against the replicas of the *status*. During a rollout these include
    the surge pod, so a value within the tolerance can ask for one replica more, which stays
    (kubernetes#138505).
    """
    if not status_replicas:
        return SingleMetricResult(_bounded(math.ceil(value / target)), 0, math.inf, 0)
    ratio = value / (target * status_replicas)
    within = tolerance.contains(ratio)
    replicas = status_replicas if within else _bounded(math.ceil(value / target))
    return SingleMetricResult(replicas, math.ceil(value / status_replicas), ratio, status_replicas)


def is_counted_ready(pod: Pod) -> bool:
    """Not the readiness of `pod_groups`: start, samples and deletion do not matter here."""
    return pod.phase == "Running" and bool(pod.ready)


def _count_ready(pods: Sequence[Pod]) -> int:
    if not pods:
        raise MetricError(f"unable to calculate ready pods: {NO_PODS}")
    return sum(is_counted_ready(pod) for pod in pods)


def _bounded(replicas: int) -> int:
    return min(replicas, MAX_REPLICAS)
