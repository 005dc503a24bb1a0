"""The autoscaler of a simulation: the engine, fed with what the model measures."""

from collections.abc import Callable, Sequence

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.keda import KedaAutoscaler
from cartwheel.autoscaling.manifests import Autoscaler
from cartwheel.autoscaling.observation import Observation, Reading, Values
from cartwheel.autoscaling.scaled_object import ScaledObject, Trigger
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

Source = Callable[[], Reading]


class EngineController:
    """Every rule, and a decision that can be explained."""

    def __init__(
        self,
        spec: HorizontalPodAutoscalerSpec,
        options: ControllerOptions,
        workload: Workload,
        metrics: Metrics,
    ) -> None:
        self.last: Decision | None = None
        self._observe = Observer(workload, metrics, _sources_of_metrics(spec, metrics))
        self._engine = HorizontalPodAutoscaler(spec, options)

    def sync(self) -> int:
        self.last = self._engine.sync(self._observe())
        return self.last.desired

    def sentences(self) -> list[str]:
        return []


class KedaController:
    """KEDA's two loops. A poll that is due happens at the next sync."""

    def __init__(
        self,
        spec: ScaledObject,
        options: ControllerOptions,
        workload: Workload,
        metrics: Metrics,
    ) -> None:
        self.last: Decision | None = None
        self._workload = workload
        self._observe = Observer(workload, metrics, _sources_of_triggers(spec, metrics))
        self._engine = KedaAutoscaler(spec, options)
        self._polling_interval = spec.polling_interval
        self._next_poll = workload.now

    def sync(self) -> int:
        observation = self._observe()
        if observation.at >= self._next_poll:
            self._next_poll = observation.at + self._polling_interval
            poll = self._engine.poll(observation)
            if poll.desired != poll.current:
                self.last = None
                return poll.desired
        self.last = self._engine.sync(observation)
        return self.last.desired

    def sentences(self) -> list[str]:
        return []


class Observer:
    """Observes the workload as the controller would, at its present time."""

    def __init__(self, workload: Workload, metrics: Metrics, sources: Sequence[Source]) -> None:
        self._workload = workload
        self._metrics = metrics
        self._sources = sources

    def __call__(self) -> Observation:
        return Observation(
            self._workload.now,
            self._metrics.scale(),
            self._metrics.pods(),
            [read() for read in self._sources],
        )


def engine_controller(
    spec: Autoscaler, options: ControllerOptions, workload: Workload, metrics: Metrics
) -> EngineController | KedaController:
    """Raises `UsageError` for a metric that the model does not have."""
    if isinstance(spec, ScaledObject):
        return KedaController(spec, options, workload, metrics)
    return EngineController(spec, options, workload, metrics)


def _sources_of_metrics(spec: HorizontalPodAutoscalerSpec, metrics: Metrics) -> list[Source]:
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


def _sources_of_triggers(spec: ScaledObject, metrics: Metrics) -> list[Source]:
    return [_source_of_trigger(spec.name, one, metrics) for one in spec.triggers]


def _source_of_trigger(name: str, trigger: Trigger, metrics: Metrics) -> Source:
    if trigger.type == "cpu":
        return metrics.cpu_samples
    if trigger.type in ("memory", "cron"):
        raise UsageError(f"{name}: the model has no {trigger.type}, only CPU and requests.")
    return lambda: Values((metrics.request_rate(),))
