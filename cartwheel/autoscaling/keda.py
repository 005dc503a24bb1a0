"""KEDA around an autoscaler: the HorizontalPodAutoscaler that it makes, fallback, zero and pause.

KEDA decides only between zero (or idle) and one; above, the autoscaler that it makes decides. So
there are two loops: `sync` every sync period of the controller, and `poll` every polling interval.

Source: kedacore/keda, `controllers/keda/hpa.go`, `pkg/fallback/fallback.go`,
`pkg/scaling/scale_handler.go` and `pkg/scaling/executor/scale_scaledobjects.go` (2.18 and later).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cartwheel.autoscaling.autoscaler import DEFAULT_OPTIONS, HorizontalPodAutoscaler
from cartwheel.autoscaling.decision import Decision, Event, decision_without_metrics
from cartwheel.autoscaling.errors import UnsupportedError
from cartwheel.autoscaling.fallback import fallback_value
from cartwheel.autoscaling.observation import Observation, Reading, Unavailable, Values
from cartwheel.autoscaling.scaled_object import RESOURCE_TRIGGERS, Pause, ScaledObject, Trigger
from cartwheel.autoscaling.spec import (
    Behavior,
    ControllerOptions,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    Metric,
    ResourceMetric,
    ScalingRules,
    SelectPolicy,
    Target,
)
from cartwheel.autoscaling.state import State


@dataclass(frozen=True)
class KedaState:
    """``failures`` counts the failed reads in a row of each trigger, by the name of its metric."""

    hpa: State = field(default_factory=State)
    first_polled_at: float | None = None
    last_active_at: float | None = None
    failures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Poll:
    """The result of one poll. ``reason`` is that of the condition that KEDA sets.

    While cooling down, ``until`` is the end of the cool-down.
    """

    at: float
    current: int
    desired: int
    is_active: bool
    reason: str
    active_triggers: Sequence[str] = ()
    until: float | None = None
    event: Event | None = None


class KedaAutoscaler:
    """A ScaledObject at work. ``hpa`` is the autoscaler that KEDA makes of it.

    Raises `UnsupportedError` for a ScaledObject with a formula.
    """

    def __init__(
        self,
        scaled_object: ScaledObject,
        options: ControllerOptions = DEFAULT_OPTIONS,
        state: KedaState | None = None,
    ) -> None:
        self.scaled_object = scaled_object
        self.options = options
        self.hpa = generated_autoscaler(scaled_object)
        self._order = metric_order(scaled_object)
        self._names = [metric_name(n, one) for n, one in enumerate(scaled_object.triggers)]
        state = state or KedaState()
        self._autoscaler = HorizontalPodAutoscaler(self.hpa, options, state.hpa)
        self._keda = state

    @property
    def state(self) -> KedaState:
        """What the next sync and the next poll need."""
        return replace(self._keda, hpa=self._autoscaler.state)

    def sync(self, observation: Observation) -> Decision:
        """One sync of the generated autoscaler; the readings are in the order of the triggers.

        While the ScaledObject is paused KEDA has deleted that autoscaler, and nothing decides.
        """
        if is_paused(self.scaled_object.pause):
            return _no_decision(observation)
        readings, errors = self._with_fallback(observation)
        decision = self._autoscaler.sync(
            replace(observation, readings=[readings[n] for n in self._order])
        )
        if not errors:
            return decision
        proposals = [
            replace(proposal, fallback_for=errors.get(self._order[n]))
            for n, proposal in enumerate(decision.proposals)
        ]
        return replace(decision, proposals=proposals)

    def poll(self, observation: Observation) -> Poll:
        """Whether the workload leaves zero (or idle), or goes there."""
        now, current = observation.at, observation.scale.spec_replicas
        if self._keda.first_polled_at is None:
            self._keda = replace(self._keda, first_polled_at=now)
        if is_paused(pause := self.scaled_object.pause):
            assert pause is not None
            desired = current if pause.replicas is None else pause.replicas
            return Poll(now, current, desired, False, "ScaledObjectPaused")
        active = self._active_triggers(observation.readings)
        has_error = any(isinstance(one, Unavailable) for one in observation.readings)
        if active or (self._has_only_resource_triggers and not has_error):
            return self._poll_active(now, current, active, has_error=has_error)
        return self._poll_inactive(now, current, has_error=has_error)

    def _with_fallback(self, observation: Observation) -> tuple[list[Reading], dict[int, str]]:
        """The readings, with those that failed too often replaced; and the errors of these."""
        fallback = self.scaled_object.fallback
        readings = list(observation.readings)
        errors: dict[int, str] = {}
        if fallback is None:
            return readings, errors
        failures = dict(self._keda.failures)
        for index, trigger in enumerate(self.scaled_object.triggers):
            if trigger.type in RESOURCE_TRIGGERS:
                continue
            reading, name = readings[index], self._names[index]
            if not isinstance(reading, Unavailable):
                failures[name] = 0
                continue
            failures[name] = failures.get(name, 0) + 1
            if failures[name] > fallback.failure_threshold:
                readings[index] = fallback_value(fallback, trigger, observation)
                errors[index] = reading.message
        self._keda = replace(self._keda, failures=failures)
        return readings, errors

    @property
    def _has_only_resource_triggers(self) -> bool:
        """CPU and memory cannot wake a workload from zero, so KEDA never puts it there."""
        return all(one.type in RESOURCE_TRIGGERS for one in self.scaled_object.triggers)

    def _active_triggers(self, readings: Sequence[Reading]) -> list[str]:
        """The triggers whose value is above their activation threshold; equal is not above."""
        return [
            trigger.name or f"{trigger.type}Scaler"
            for trigger, reading in zip(self.scaled_object.triggers, readings, strict=True)
            if isinstance(reading, Values) and sum(reading.values) > trigger.activation_threshold
        ]

    def _poll_active(
        self, now: float, current: int, active: Sequence[str], *, has_error: bool
    ) -> Poll:
        spec = self.scaled_object
        is_idle = spec.idle_replicas is not None and current < spec.min_replicas
        if not current or is_idle:
            if spec.pause is not None and spec.pause.only_scale_out:
                return Poll(now, current, current, True, "ScalerActive", active)
            self._keda = replace(self._keda, last_active_at=now)
            desired = max(1, spec.min_replicas)
            words = f"Scaled {self._target} from {current} to {desired}, triggered by "
            event = Event("Normal", "KEDAScaleTargetActivated", words + ";".join(active))
            return Poll(now, current, desired, True, "ScalerActive", active, event=event)
        if has_error:
            return Poll(now, current, current, True, "PartialTriggerError", active)
        self._keda = replace(self._keda, last_active_at=now)
        return Poll(now, current, current, True, "ScalerActive", active)

    def _poll_inactive(self, now: float, current: int, *, has_error: bool) -> Poll:
        spec = self.scaled_object
        if has_error and spec.fallback is not None and spec.fallback.replicas:
            # Zero would keep the autoscaler from ever applying the fallback.
            return Poll(now, current, current, False, "ScalerNotActive")
        if has_error and spec.fallback is None:
            return Poll(now, current, current, False, "TriggerError")
        if spec.idle_replicas is not None and current > spec.idle_replicas:
            return self._deactivate(now, current, spec.idle_replicas)
        if current and not spec.min_replicas:
            return self._deactivate(now, current, 0)
        if spec.idle_replicas is None and current < spec.min_replicas:
            return Poll(now, current, spec.min_replicas, False, "ScalerNotActive")
        return Poll(now, current, current, False, "ScalerNotActive")

    def _deactivate(self, now: float, current: int, desired: int) -> Poll:
        spec = self.scaled_object
        if spec.pause is not None and spec.pause.only_scale_in:
            return Poll(now, current, current, False, "ScalerNotActive")
        until = self._end_of_cooldown()
        if until >= now:
            return Poll(now, current, current, False, "ScalerCooldown", until=until)
        words = f"Deactivated {self._target} from {current} to {desired}"
        event = Event("Normal", "KEDAScaleTargetDeactivated", words)
        return Poll(now, current, desired, False, "ScalerNotActive", event=event)

    def _end_of_cooldown(self) -> float:
        """Counted from the last activity; without any, from when KEDA first saw the object."""
        spec, keda = self.scaled_object, self._keda
        if keda.last_active_at is not None:
            return keda.last_active_at + spec.cooldown_period
        assert keda.first_polled_at is not None
        return keda.first_polled_at + spec.initial_cooldown_period

    @property
    def _target(self) -> str:
        spec = self.scaled_object
        kind = f"{spec.target.api_version}.{spec.target.kind}"
        return f"{kind} {spec.namespace}/{spec.target.name}"


def autoscaler_of(
    spec: HorizontalPodAutoscalerSpec | ScaledObject,
    options: ControllerOptions = DEFAULT_OPTIONS,
    state: State | KedaState | None = None,
) -> HorizontalPodAutoscaler | KedaAutoscaler:
    """The autoscaler that does what either kind of manifest asks for.

    A ``state`` of the other kind is ignored. Raises `UnsupportedError` for a ScaledObject with a
    formula.
    """
    if isinstance(spec, ScaledObject):
        return KedaAutoscaler(spec, options, state if isinstance(state, KedaState) else None)
    return HorizontalPodAutoscaler(spec, options, state if isinstance(state, State) else None)


def generated_autoscaler(spec: ScaledObject) -> HorizontalPodAutoscalerSpec:
    """The HorizontalPodAutoscaler that KEDA makes; its minimum is at least 1.

    Source: `newHPAForScaledObject`. Raises `UnsupportedError` for a formula.
    """
    if spec.formula is not None:
        raise UnsupportedError(
            f"ScaledObject {spec.name}: scalingModifiers.formula is not supported, so its "
            "metrics cannot be combined; remove the formula to look at each trigger by itself"
        )
    metrics = [_metric(n, one, spec.name) for n, one in enumerate(spec.triggers)]
    return HorizontalPodAutoscalerSpec(
        name=spec.autoscaler_name or f"keda-hpa-{spec.name}",
        target=spec.target,
        max_replicas=spec.max_replicas,
        metrics=[metrics[n] for n in metric_order(spec)],
        min_replicas=max(1, spec.min_replicas),
        behavior=paused_behavior(spec.behavior, spec.pause),
        namespace=spec.namespace,
    )


def metric_name(index: int, trigger: Trigger) -> str:
    """``s0-prometheus``. Some scalers of KEDA add more, which changes nothing but the name."""
    return f"s{index}-{trigger.type}"


def is_paused(pause: Pause | None) -> bool:
    """In both directions: KEDA then deletes the autoscaler and stops polling."""
    return pause is not None and not (pause.only_scale_in or pause.only_scale_out)


def _metric(index: int, trigger: Trigger, scaled_object: str) -> Metric:
    target = Target(trigger.metric_type, trigger.threshold)
    if trigger.type in RESOURCE_TRIGGERS:
        return ResourceMetric(trigger.type, target, trigger.container)
    return ExternalMetric(
        metric_name(index, trigger), target, f"scaledobject.keda.sh/name={scaled_object}"
    )


def metric_order(spec: ScaledObject) -> list[int]:
    """The indices of the triggers in the order of the metrics: KEDA sorts these by type."""

    def type_of(index: int) -> str:
        trigger = spec.triggers[index]
        if trigger.type not in RESOURCE_TRIGGERS:
            return "External"
        return "Resource" if trigger.container is None else "ContainerResource"

    return sorted(range(len(spec.triggers)), key=type_of)


def paused_behavior(behavior: Behavior | None, pause: Pause | None) -> Behavior | None:
    """`paused-scale-in` and `paused-scale-out` disable one direction of the autoscaler."""
    if pause is None or not (pause.only_scale_in or pause.only_scale_out):
        return behavior
    found = behavior or Behavior()
    return Behavior(
        _disabled(found.scale_up) if pause.only_scale_out else found.scale_up,
        _disabled(found.scale_down) if pause.only_scale_in else found.scale_down,
    )


def _disabled(rules: ScalingRules) -> ScalingRules:
    return replace(rules, select_policy=SelectPolicy.DISABLED)


def _no_decision(observation: Observation) -> Decision:
    current = observation.scale.spec_replicas
    return decision_without_metrics(
        at=observation.at, current=current, desired=current, conditions={}
    )
