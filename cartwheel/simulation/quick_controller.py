"""The same decisions as the engine's, without their explanation: for long loads.

It uses the engine's rules, and leaves out what a simulation of replicas that are all alike does
not need: an observation of each pod, conditions, events. A test holds both to the same decisions.
"""

from collections.abc import Callable
from functools import partial

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.observation import Observation
from cartwheel.autoscaling.pod_metrics import replicas_without_gaps, utilization
from cartwheel.autoscaling.single_metrics import replicas_for_average_value
from cartwheel.autoscaling.spec import (
    ControllerOptions,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    Metric,
    ObjectMetric,
    ResourceMetric,
    TargetType,
)
from cartwheel.autoscaling.tolerance import tolerance_of
from cartwheel.simulation.metrics import Metrics
from cartwheel.simulation.workload import Workload

Proposal = Callable[[int], int]
"""From the current count to the proposed one."""


def is_simple(spec: HorizontalPodAutoscalerSpec) -> bool:
    """Whether this path knows all of its metrics."""
    return spec.min_replicas > 0 and all(_is_simple(metric) for metric in spec.metrics)


def _is_simple(metric: Metric) -> bool:
    match metric:
        case ExternalMetric(target=target) | ObjectMetric(target=target):
            return target.type is TargetType.AVERAGE_VALUE
        case ResourceMetric(resource="cpu", target=target):
            return target.type is TargetType.UTILIZATION
    return False


class QuickController:
    """For a spec that `is_simple` and a workload between its minimum and maximum."""

    def __init__(
        self,
        spec: HorizontalPodAutoscalerSpec,
        options: ControllerOptions,
        workload: Workload,
        metrics: Metrics,
        observe: Callable[[], Observation],
    ) -> None:
        self._workload = workload
        self._metrics = metrics
        self._observe = observe
        self._reads_cpu = any(isinstance(metric, ResourceMetric) for metric in spec.metrics)
        self._tolerance = tolerance_of(spec.behavior, options)
        self._autoscaler = HorizontalPodAutoscaler(spec, options)
        self._proposals = [self._proposal(metric) for metric in spec.metrics]

    def sync(self) -> int:
        """The engine decides pod by pod as long as one has no complete sample."""
        if self._reads_cpu and not self._metrics.all_are_settled(self._metrics.last_cpu_sample()):
            return self._autoscaler.sync(self._observe()).desired
        current = len(self._workload.replicas)
        proposed = max([propose(current) for propose in self._proposals])
        return self._autoscaler.count(proposed, current=current, now=self._workload.now)

    def sentences(self) -> list[str]:
        return []

    def _proposal(self, metric: Metric) -> Proposal:
        if isinstance(metric, ResourceMetric):
            return partial(self._propose_for_cpu, metric)
        return partial(self._propose_for_requests, metric.target.value)

    def _propose_for_requests(self, target: int, current: int) -> int:
        return replicas_for_average_value(
            self._metrics.request_rate(),
            target,
            status_replicas=current,
            tolerance=self._tolerance,
        ).replicas

    def _propose_for_cpu(self, metric: ResourceMetric, current: int) -> int:
        at = self._metrics.last_cpu_sample()
        usage = utilization(
            self._metrics.settled_cpu(at) * current,
            self._metrics.cpu_request * current,
            metric.target.value,
        )
        return replicas_without_gaps(
            usage, ready=current, current=current, tolerance=self._tolerance
        )
