"""One sync of a HorizontalPodAutoscaler, in the order of the controller's steps.

Source: `reconcileAutoscaler` in kubernetes `pkg/controller/podautoscaler/horizontal.go`.
"""

from collections.abc import Sequence

from cartwheel.autoscaling import conditions
from cartwheel.autoscaling.decision import (
    Condition,
    Decision,
    Event,
    Proposal,
    RateLimit,
    Recommendation,
    Stabilization,
)
from cartwheel.autoscaling.limits import limit, limit_without_behavior
from cartwheel.autoscaling.observation import Observation
from cartwheel.autoscaling.proposals import propose, winner
from cartwheel.autoscaling.scaling_policies import ScaleEvents
from cartwheel.autoscaling.spec import (
    ControllerOptions,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    ObjectMetric,
)
from cartwheel.autoscaling.stabilization import (
    stabilize,
    stabilize_without_behavior,
    windows,
)
from cartwheel.autoscaling.state import State
from cartwheel.autoscaling.tolerance import tolerance_of

DEFAULT_OPTIONS = ControllerOptions()


class HorizontalPodAutoscaler:
    """The controller's view of one autoscaler.

    ``state`` is a value: keep it, and an autoscaler made with it goes on from there.
    """

    def __init__(
        self,
        spec: HorizontalPodAutoscalerSpec,
        options: ControllerOptions = DEFAULT_OPTIONS,
        state: State | None = None,
    ) -> None:
        if not spec.metrics:
            raise ValueError(f"the autoscaler {spec.name} has no metric")
        self.spec = spec
        self.options = options
        self.state = state or State()
        self._tolerance = tolerance_of(spec.behavior, options)
        self._has_single_metric = any(
            isinstance(metric, ObjectMetric | ExternalMetric) for metric in spec.metrics
        )
        self._found = [conditions.metric_found(metric) for metric in spec.metrics]

    def sync(self, observation: Observation) -> Decision:
        """Decide, and remember what the next sync needs. A change counts as made."""
        current, now = observation.scale.spec_replicas, observation.at
        # A controller that starts must not scale down at once.
        self.state = self.state.with_first_recommendation(Recommendation(current, now))
        if not current and not self._may_leave_zero():
            return self._stay_at_zero(now)
        if current > self.spec.max_replicas:
            return self._correct(
                now, current, self.spec.max_replicas, reason=conditions.ABOVE_MAXIMUM
            )
        if 0 < current < self.spec.min_replicas:
            return self._correct(
                now, current, self.spec.min_replicas, reason=conditions.BELOW_MINIMUM
            )
        if observation.selector_problem is not None:
            condition, events = conditions.selector_failed(observation.selector_problem)
            return self._decide_nothing(now, current, condition, events)
        proposals = propose(
            self.spec.metrics,
            observation,
            tolerance=self._tolerance,
            options=self.options,
            namespace=self.spec.namespace,
        )
        return self.follow(proposals, current=current, now=now)

    def follow(self, proposals: Sequence[Proposal], *, current: int, now: float) -> Decision:
        """Decide by what the metrics propose."""
        best = winner(proposals, current)
        if best is None:
            condition, events = conditions.metrics_failed(proposals)
            return self._decide_nothing(now, current, condition, events, proposals)
        events = conditions.failure_events(proposals)
        proposed = proposals[best].replicas or 0
        stabilization = self._stabilize(proposed, current=current, now=now)
        limited = self._limit(stabilization.after, current=current, now=now)
        reason = conditions.rescale_reason(
            proposals[best].metric, proposed=proposed, current=current
        )
        desired = limited.after
        if not current and desired < self.spec.min_replicas:
            desired = self.spec.min_replicas
            reason = reason or conditions.BELOW_MINIMUM
        self._set(
            self._found[best],
            conditions.stabilized(stabilization, rises=proposed >= current),
            conditions.limited(limited.reason),
        )
        if desired != current:
            events.append(self._rescale(current, desired, reason=reason, now=now))
        return Decision(
            at=now,
            current=current,
            desired=desired,
            proposals=proposals,
            winner=best,
            stabilization=stabilization,
            rate_limit=limited,
            conditions=self.state.conditions,
            events=events,
        )

    def _may_leave_zero(self) -> bool:
        """Zero that somebody else has set means: do not scale (KEP-2021)."""
        if not (self.options.scale_to_zero and self.state.is_scaled_to_zero):
            return False
        return self.spec.min_replicas != 0 or self._has_single_metric

    def _stay_at_zero(self, now: float) -> Decision:
        if not self.options.scale_to_zero:
            self.state = self.state.without_scaled_to_zero()
        return self._decide_nothing(now, 0, conditions.DISABLED)

    def _decide_nothing(
        self,
        now: float,
        current: int,
        condition: Condition,
        events: Sequence[Event] = (),
        proposals: Sequence[Proposal] = (),
    ) -> Decision:
        self._set(conditions.SCALE_WAS_READ, condition)
        return Decision(
            at=now,
            current=current,
            desired=current,
            proposals=proposals,
            winner=None,
            stabilization=None,
            rate_limit=None,
            conditions=self.state.conditions,
            events=events,
        )

    def _correct(self, now: float, current: int, desired: int, *, reason: str) -> Decision:
        """Outside minimum and maximum nothing else matters: no metric, no behavior."""
        event = self._rescale(current, desired, reason=reason, now=now)
        return Decision(
            at=now,
            current=current,
            desired=desired,
            proposals=(),
            winner=None,
            stabilization=None,
            rate_limit=None,
            conditions=self.state.conditions,
            events=[event],
        )

    def _stabilize(self, proposed: int, *, current: int, now: float) -> Stabilization:
        """Hold the proposal back, and record it as it was before."""
        history, behavior = self.state.recommendations, self.spec.behavior
        up_window, down_window = windows(behavior, self.options)
        if behavior is None:
            found = stabilize_without_behavior(proposed, history, window=down_window, now=now)
        else:
            found = stabilize(
                proposed,
                history,
                current=current,
                up_window=up_window,
                down_window=down_window,
                now=now,
            )
        self.state = self.state.with_recommendation(
            Recommendation(proposed, now), window=max(up_window, down_window)
        )
        return found

    def _limit(self, desired: int, *, current: int, now: float) -> RateLimit:
        spec = self.spec
        if spec.behavior is None:
            return limit_without_behavior(
                desired,
                current=current,
                minimum=spec.min_replicas,
                maximum=spec.max_replicas,
                next_sync=now + self.options.sync_period,
            )
        return limit(
            desired,
            current=current,
            minimum=spec.min_replicas,
            maximum=spec.max_replicas,
            behavior=spec.behavior,
            events=ScaleEvents(self.state.scale_ups, self.state.scale_downs),
            now=now,
        )

    def _rescale(self, current: int, desired: int, *, reason: str, now: float) -> Event:
        """What is remembered of a change: conditions, and with `behavior` the scale event."""
        self._set(conditions.rescaled(desired))
        if self.spec.behavior is not None:
            self.state = self.state.with_scale_event(
                desired - current, now, behavior=self.spec.behavior
            )
        if self.options.scale_to_zero:
            is_to_zero = not desired and not self.spec.min_replicas and self._has_single_metric
            self._set(
                conditions.IS_SCALED_TO_ZERO if is_to_zero else conditions.IS_NOT_SCALED_TO_ZERO
            )
        else:
            self.state = self.state.without_scaled_to_zero()
        return conditions.rescale_event(desired, reason)

    def _set(self, *changed: Condition) -> None:
        self.state = self.state.with_conditions(changed)
