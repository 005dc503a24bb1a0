"""What each metric proposes, and which proposal wins.

Source: `computeReplicasForMetrics` in kubernetes `pkg/controller/podautoscaler/horizontal.go`.
"""

from collections.abc import Mapping, Sequence

from cartwheel.autoscaling.decision import CountedPod, Proposal
from cartwheel.autoscaling.errors import NO_PODS, MetricError
from cartwheel.autoscaling.names import unavailable
from cartwheel.autoscaling.observation import (
    Observation,
    PodSamples,
    Reading,
    Sample,
    Unavailable,
    Values,
)
from cartwheel.autoscaling.pod_groups import Grouped, group_pods
from cartwheel.autoscaling.pod_metrics import (
    add_up_shares,
    add_up_values,
    replicas_for,
    values_that_count,
)
from cartwheel.autoscaling.pod_requests import pod_requests
from cartwheel.autoscaling.single_metrics import replicas_for_average_value, replicas_for_value
from cartwheel.autoscaling.spec import (
    ControllerOptions,
    ExternalMetric,
    Metric,
    ObjectMetric,
    PodsMetric,
    ResourceMetric,
    TargetType,
)
from cartwheel.autoscaling.tolerance import Tolerance

_NO_SAMPLES = "no metrics returned from {} metrics API"


def propose(
    metrics: Sequence[Metric],
    observation: Observation,
    *,
    tolerance: Tolerance,
    options: ControllerOptions,
    namespace: str = "default",
) -> list[Proposal]:
    """The proposal of each metric, in their order."""
    return [
        _propose_or_fail(metric, reading, observation, tolerance, options, namespace)
        for metric, reading in zip(metrics, observation.readings, strict=True)
    ]


def winner(proposals: Sequence[Proposal], current: int) -> int | None:
    """The index of the highest proposal; None if the metrics decide nothing.

    With a metric missing, the others may scale up, but not down. Of equal proposals the first
    wins, except that zero gives way to any.
    """
    best, highest, is_partial = None, 0, False
    for index, one in enumerate(proposals):
        if one.replicas is None:
            is_partial = True
        elif not highest or one.replicas > highest:
            best, highest = index, one.replicas
    return None if is_partial and highest < current else best


def _propose_or_fail(
    metric: Metric,
    reading: Reading,
    observation: Observation,
    tolerance: Tolerance,
    options: ControllerOptions,
    namespace: str,
) -> Proposal:
    if isinstance(reading, Unavailable):
        error = unavailable(metric, reading.message, namespace=namespace)
        return Proposal(metric, None, error=error)
    if isinstance(reading, PodSamples) and not reading.samples:
        api = "resource" if isinstance(metric, ResourceMetric) else "custom"
        error = unavailable(metric, _NO_SAMPLES.format(api), namespace=namespace)
        return Proposal(metric, None, error=error)
    try:
        if isinstance(metric, ObjectMetric | ExternalMetric):
            assert isinstance(reading, Values)
            return _propose_single(metric, sum(reading.values), observation, tolerance)
        assert isinstance(reading, PodSamples)
        return _propose_per_pod(metric, reading.samples, observation, tolerance, options)
    except MetricError as error:
        return Proposal(metric, None, error=str(error))


def _propose_single(
    metric: ObjectMetric | ExternalMetric,
    value: int,
    observation: Observation,
    tolerance: Tolerance,
) -> Proposal:
    scale = observation.scale
    if metric.target.type is TargetType.AVERAGE_VALUE:
        found = replicas_for_average_value(
            value,
            metric.target.value,
            status_replicas=scale.status_replicas,
            tolerance=tolerance,
        )
    else:
        found = replicas_for_value(
            value,
            metric.target.value,
            current=scale.spec_replicas,
            pods=observation.pods,
            tolerance=tolerance,
        )
    return Proposal(
        metric,
        found.replicas,
        value=found.reported,
        ratio=found.ratio,
        final_ratio=found.ratio,
        base=found.base,
        is_within_tolerance=tolerance.contains(found.ratio),
    )


def _propose_per_pod(
    metric: ResourceMetric | PodsMetric,
    samples: Mapping[str, Sample],
    observation: Observation,
    tolerance: Tolerance,
    options: ControllerOptions,
) -> Proposal:
    if not observation.pods:
        raise MetricError(NO_PODS)
    resource = metric.resource if isinstance(metric, ResourceMetric) else None
    groups = group_pods(
        observation.pods, samples, resource=resource, now=observation.at, options=options
    )
    requests: dict[str, int] = {}
    target, is_share = metric.target.value, metric.target.type is TargetType.UTILIZATION
    try:
        values = values_that_count(groups, samples)
        if isinstance(metric, ResourceMetric) and is_share:
            requests = pod_requests(observation.pods, metric.resource, metric.container)
            totals = add_up_shares(groups, values, requests, target)
        else:
            totals = add_up_values(groups, values, target)
        found = replicas_for(
            totals,
            target,
            is_share=is_share,
            current=observation.scale.spec_replicas,
            tolerance=tolerance,
        )
    except MetricError as error:
        pods = _counted(groups, samples, requests)
        return Proposal(metric, None, error=str(error), pods=pods)
    return Proposal(
        metric,
        found.replicas,
        value=found.usage.reported,
        ratio=found.usage.ratio,
        final_ratio=found.final.ratio,
        base=found.base,
        is_within_tolerance=tolerance.contains(found.final.ratio),
        pods=_counted(groups, samples, requests),
    )


def _counted(
    groups: Mapping[str, Grouped], samples: Mapping[str, Sample], requests: Mapping[str, int]
) -> list[CountedPod]:
    return [
        CountedPod(
            name,
            one.group,
            one.reason,
            samples[name].value if name in samples else None,
            requests.get(name),
        )
        for name, one in groups.items()
    ]
