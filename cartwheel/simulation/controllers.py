"""The autoscaler of a simulation: the engine, fed with what the model measures."""

from collections.abc import Callable, Sequence

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.keda import KedaAutoscaler, Poll
from cartwheel.autoscaling.manifests import Autoscaler
from cartwheel.autoscaling.observation import Observation, Reading, Values
from cartwheel.autoscaling.scaled_object import ScaledObject, Trigger
from cartwheel.autoscaling.sentences import explain
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

UNIT = "requests/s"

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
        self._decision: Decision | None = None
        self._spec = spec
        self._options = options
        self._observe = observer_of(spec, workload, metrics)
        self._engine = HorizontalPodAutoscaler(spec, options)

    def sync(self) -> int:
        self._decision = self._engine.sync(self._observe())
        return self._decision.desired

    def sentences(self) -> list[str]:
        return _sentences(self._decision, self._spec, self._options)


class KedaController:
    """KEDA's two loops. A poll that is due happens at the next sync."""

    def __init__(
        self,
        spec: ScaledObject,
        options: ControllerOptions,
        workload: Workload,
        metrics: Metrics,
    ) -> None:
        self._decision: Decision | None = None
        self._poll: Poll | None = None
        self._options = options
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
                self._poll = poll
                return poll.desired
        self._poll = None
        self._decision = self._engine.sync(observation)
        return self._decision.desired

    def sentences(self) -> list[str]:
        if self._poll is not None:
            return [f"KEDA goes from {self._poll.current} to {self._poll.desired} replicas."]
        return _sentences(self._decision, self._engine.hpa, self._options)


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


def observer_of(
    spec: HorizontalPodAutoscalerSpec, workload: Workload, metrics: Metrics
) -> Observer:
    """Raises `UsageError` for a metric that the model does not have."""
    return Observer(workload, metrics, _sources_of_metrics(spec, metrics))


def _sentences(
    decision: Decision | None, spec: HorizontalPodAutoscalerSpec, options: ControllerOptions
) -> list[str]:
    if decision is None:
        return []
    units = {one.name: UNIT for one in spec.metrics if not isinstance(one, ResourceMetric)}
    return [one.text for one in explain(decision, spec, options=options, units=units)]


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
