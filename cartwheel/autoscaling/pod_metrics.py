"""The number of replicas for a metric that each pod has: Resource, ContainerResource, Pods.

The pods are added up first, since the rule needs only sums.

Source: `GetResourceReplicas` and `calcPlainMetricReplicas` in kubernetes
`pkg/controller/podautoscaler/replica_calculator.go`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cartwheel.autoscaling.decision import PodGroup
from cartwheel.autoscaling.errors import MetricError
from cartwheel.autoscaling.observation import Sample
from cartwheel.autoscaling.pod_groups import Grouped
from cartwheel.autoscaling.tolerance import Tolerance

PERCENT = 100


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


@dataclass
class PodTotals:
    """The pods of a metric, added up.

    ``value`` and ``weight`` are those of the samples that count: usage is value ÷ weight. A pod
    weighs its request for a utilization, and 1 for an average. A missing pod that is taken for
    busy has the value ``busy_missing``.
    """

    ready: int = 0
    samples: int = 0
    value: int = 0
    weight: int = 0
    missing: int = 0
    missing_weight: int = 0
    busy_missing: int = 0
    unready: int = 0
    unready_weight: int = 0


def values_that_count(
    groups: Mapping[str, Grouped], samples: Mapping[str, Sample]
) -> dict[str, int]:
    """Those of ready pods, and of pods that nobody knows. Raises `MetricError` without any."""
    found = {}
    for name, sample in samples.items():
        one = groups.get(name)
        if one is None or one.group is PodGroup.READY:
            found[name] = sample.value
    if not found:
        raise MetricError("did not receive metrics for targeted pods (pods might be unready)")
    return found


def add_up_shares(
    groups: Mapping[str, Grouped],
    values: Mapping[str, int],
    requests: Mapping[str, int],
    target: int,
) -> PodTotals:
    """For a utilization. A busy pod uses its request, or the target if that is above 100 %.

    A sample of an unknown pod is one pod more to multiply, and has no value.
    """
    found = PodTotals(samples=len(values))
    for name, one in groups.items():
        request = requests[name]
        match one.group:
            case PodGroup.READY:
                found.ready += 1
            case PodGroup.MISSING:
                found.missing += 1
                found.missing_weight += request
                found.busy_missing += request * max(PERCENT, target) // PERCENT
            case PodGroup.UNREADY:
                found.unready += 1
                found.unready_weight += request
    for name, value in values.items():
        if name in requests:
            found.value += value
            found.weight += requests[name]
    return found


def add_up_values(
    groups: Mapping[str, Grouped], values: Mapping[str, int], target: int
) -> PodTotals:
    """For an average. A busy pod is exactly at the target."""
    found = PodTotals(samples=len(values), value=sum(values.values()), weight=len(values))
    for one in groups.values():
        match one.group:
            case PodGroup.READY:
                found.ready += 1
            case PodGroup.MISSING:
                found.missing += 1
            case PodGroup.UNREADY:
                found.unready += 1
    found.missing_weight, found.unready_weight = found.missing, found.unready
    found.busy_missing = found.missing * target
    return found


def utilization(value: int, weight: int, target: int) -> Usage:
    """Sum of usage ÷ sum of requests, in whole percent: the division drops the rest."""
    percent = value * PERCENT // weight
    return Usage(percent, percent / target)


def average(value: int, weight: int, target: int) -> Usage:
    """The average over the pods, in whole thousandths: the division drops the rest."""
    mean = value // weight
    return Usage(mean, mean / target)


def replicas_for(
    totals: PodTotals, target: int, *, is_share: bool, current: int, tolerance: Tolerance
) -> PodMetricResult:
    """How many replicas bring the metric to its target.

    Raises `MetricError` if no pod that is known has a sample.
    """
    if not totals.weight:
        raise MetricError("no metrics returned matched known pods")
    measure = utilization if is_share else average
    usage = measure(totals.value, totals.weight, target)
    grows_with_unready = totals.unready > 0 and usage.ratio > 1
    if not grows_with_unready and not totals.missing:
        replicas = replicas_without_gaps(
            usage, ready=totals.ready, current=current, tolerance=tolerance
        )
        return PodMetricResult(replicas, usage, usage, totals.ready)
    value, weight, base = _fill_gaps(totals, usage.ratio)
    final = measure(value, weight, target)
    replicas = _unless_reversed(usage, final, base, current, tolerance)
    return PodMetricResult(replicas, usage, final, base)


def replicas_without_gaps(usage: Usage, *, ready: int, current: int, tolerance: Tolerance) -> int:
    """Every pod counts with its value: the ratio times the ready pods."""
    return current if tolerance.contains(usage.ratio) else math.ceil(usage.ratio * ready)


def _fill_gaps(totals: PodTotals, ratio: float) -> tuple[int, int, int]:
    """Value, weight and number of pods, with the gaps as whatever makes the change smaller.

    A missing pod is busy when it would shrink, and idle when it would grow; then an unready pod
    is idle too.
    """
    value, weight, base = totals.value, totals.weight, totals.samples
    if ratio != 1:
        weight += totals.missing_weight
        base += totals.missing
    if ratio < 1:
        value += totals.busy_missing
    if ratio > 1:
        weight += totals.unready_weight
        base += totals.unready
    return value, weight, base


def _unless_reversed(
    first: Usage, final: Usage, base: int, current: int, tolerance: Tolerance
) -> int:
    """Gaps may make a change smaller, but never turn it round."""
    is_reversed = (first.ratio - 1) * (final.ratio - 1) < 0
    if tolerance.contains(final.ratio) or is_reversed:
        return current
    replicas = math.ceil(final.ratio * base)
    if (final.ratio < 1 and replicas > current) or (final.ratio > 1 and replicas < current):
        return current
    return replicas
