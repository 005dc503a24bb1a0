"""An autoscaler and what it scales, as the page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.keda import generated_autoscaler, metric_order
from cartwheel.autoscaling.manifests import Autoscaler
from cartwheel.autoscaling.observation import Observation, Values
from cartwheel.autoscaling.pausing import is_paused
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.spec import (
    HorizontalPodAutoscalerSpec,
    Metric,
    ResourceMetric,
    TargetType,
)
from cartwheel.mesh import AutoscalerState, ServiceState

PERCENT = "%"
REQUESTS = "requests/s"


@dataclass(frozen=True)
class ReplicaCounts:
    """Of the workload: asked for, ready, and those that have lately received requests."""

    desired: int
    ready: int
    serving: int


@dataclass(frozen=True)
class Decided:
    """The last sync of an autoscaler.

    Without a ``decision`` nothing has been decided yet. ``units`` are words by the name of a
    metric, ``sentence`` is the first of the explanation.
    """

    autoscaler: Autoscaler
    observation: Observation | None = None
    decision: Decision | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    sentence: str = ""


def autoscaler_state(
    decided: Decided, counts: ReplicaCounts, *, arrivals: float | None
) -> AutoscalerState:
    """The state to show; ``arrivals`` are requests per second to the workload."""
    autoscaler = decided.autoscaler
    metric, value = _metric_of(decided)
    unit = _unit(metric, decided.units)
    target = _number(metric, metric.target.value)
    tells_capacity = unit == REQUESTS and metric.target.type is TargetType.AVERAGE_VALUE
    return AutoscalerState(
        title=title_of(autoscaler),
        service=autoscaler.target.name,
        min=autoscaler.min_replicas,
        max=autoscaler.max_replicas,
        desired=counts.desired,
        ready=counts.ready,
        serving=counts.serving,
        metric=metric.resource if isinstance(metric, ResourceMetric) else metric.name,
        unit=unit,
        value=None if value is None else _number(metric, value),
        target=target,
        arrivals=arrivals,
        capacity=target * counts.ready if tells_capacity else None,
        is_paused=is_paused(autoscaler),
        sentence=decided.sentence,
    )


def counts_of(service: ServiceState) -> ReplicaCounts:
    """One that serves is ready, too."""
    phases = [one.phase for one in service.replicas]
    serving = phases.count("serving")
    return ReplicaCounts(service.desired, serving + phases.count("ready"), serving)


def title_of(autoscaler: Autoscaler) -> str:
    """As `kubectl` names it: ``hpa/cart``."""
    kind = "scaledobject" if isinstance(autoscaler, ScaledObject) else "hpa"
    return f"{kind}/{autoscaler.name}"


def _metric_of(decided: Decided) -> tuple[Metric, int | None]:
    """The metric that decided, else the first one; and its value, as a proposal has it."""
    decision = decided.decision
    if decision is not None and decision.proposals:
        proposal = decision.proposals[decision.winner or 0]
        return proposal.metric, proposal.value
    metric = _spec_of(decided.autoscaler).metrics[0]
    return metric, _observed_value(decided, metric)


def _spec_of(autoscaler: Autoscaler) -> HorizontalPodAutoscalerSpec:
    """The autoscaler itself, or the one that KEDA makes."""
    if isinstance(autoscaler, ScaledObject):
        return generated_autoscaler(autoscaler)
    return autoscaler


def _observed_value(decided: Decided, metric: Metric) -> int | None:
    """While KEDA is paused nothing is decided, but what it would decide on is seen."""
    observation, autoscaler = decided.observation, decided.autoscaler
    if observation is None or not isinstance(autoscaler, ScaledObject):
        return None
    reading = observation.readings[metric_order(autoscaler)[0]]
    replicas = observation.scale.status_replicas
    if not isinstance(reading, Values) or not replicas:
        return None
    is_average = metric.target.type is TargetType.AVERAGE_VALUE
    return sum(reading.values) // (replicas if is_average else 1)


def _unit(metric: Metric, units: Mapping[str, str]) -> str:
    if metric.target.type is TargetType.UTILIZATION:
        return PERCENT
    return "" if isinstance(metric, ResourceMetric) else units.get(metric.name, "")


def _number(metric: Metric, value: int) -> float:
    """A utilization is in percent, all else in thousandths."""
    return float(value) if metric.target.type is TargetType.UTILIZATION else value / 1000
