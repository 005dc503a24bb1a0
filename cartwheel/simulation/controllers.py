"""The autoscaler of a simulation: the engine, fed with what the model measures."""

from collections.abc import Callable, Sequence

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.observation import Observation, Reading, Values
from cartwheel.autoscaling.spec import (
    ControllerOptions,
    HorizontalPodAutoscalerSpec,
    Metric,
    PodsMetric,
    ResourceMetric,
)
from cartwheel.errors import UsageError
from cartwheel.simulation.metrics import Metrics
from cartwheel.simulation.workload import Workload

AutoscalerSpec = HorizontalPodAutoscalerSpec
Source = Callable[[], Reading]


class EngineController:
    """Every rule, and a decision that can be explained."""

    def __init__(
        self,
        spec: AutoscalerSpec,
        options: ControllerOptions,
        workload: Workload,
        metrics: Metrics,
    ) -> None:
        self.last: Decision | None = None
        self._workload = workload
        self._metrics = metrics
        self._sources = sources(spec, metrics)
        self._engine = HorizontalPodAutoscaler(spec, options)

    def sync(self) -> int:
        self.last = self._engine.sync(self.observe())
        return self.last.desired

    def sentences(self) -> list[str]:
        return []

    def observe(self) -> Observation:
        """What the controller would read now."""
        return Observation(
            self._workload.now,
            self._metrics.scale(),
            self._metrics.pods(),
            [read() for read in self._sources],
        )


def sources(spec: AutoscalerSpec, metrics: Metrics) -> Sequence[Source]:
    """Where each metric comes from. Raises `UsageError` for one that the model does not have."""
    return [_source_of_metric(spec.name, one, metrics) for one in spec.metrics]


def _source_of_metric(name: str, metric: Metric, metrics: Metrics) -> Source:
    match metric:
        case ResourceMetric(resource="cpu"):
            return metrics.cpu_samples
        case ResourceMetric(resource=resource):
            raise UsageError(f"{name}: the model has no {resource}, only CPU and requests.")
        case PodsMetric():
            return metrics.requests_by_pod
        case _:
            return lambda: Values((metrics.request_rate(),))
