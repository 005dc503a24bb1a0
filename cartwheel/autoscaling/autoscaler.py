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
    Stabilization,
    decision_without_metrics,
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
    explain_stabilization,
    stabilized,
    stabilized_without_behavior,
    windows,
)
from cartwheel.autoscaling.state import SCALED_TO_ZERO, Memory, State
from cartwheel.autoscaling.tolerance import tolerance_of

DEFAULT_OPTIONS = ControllerOptions()


class HorizontalPodAutoscaler:
    """The controller's view of one autoscaler. Raises `ValueError` without any metric."""

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
        self._memory = Memory(state or State())
        self._tolerance = tolerance_of(spec.behavior, options)
        self._has_single_metric = any(
            isinstance(metric, ObjectMetric | ExternalMetric) for metric in spec.metrics
        )
        self._up_window, self._down_window = windows(spec.behavior, options)
        self._window = max(self._up_window, self._down_window)
        self._found = [conditions.metric_found(metric) for metric in spec.metrics]

    @property
    def state(self) -> State:
        """What is remembered now: an autoscaler made with it goes on from there."""
        return self._memory.snapshot()

    def sync(self, observation: Observation) -> Decision:
        """Decide, and remember what the next sync needs. A change counts as made."""
        current, now = observation.scale.spec_replicas, observation.at
        self._memory.see(current, now)
        if not current and not self._may_leave_zero():
            return self._stay_at_zero(now)
        if (within := self._within_limits(current)) != current:
            return self._correct(now, current, within)
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
        return self._follow(proposals, current=current, now=now)

    def count(self, proposed: int, *, current: int, now: float) -> int:
        """Only the count, for what the metrics propose together, with the same memory as `sync`.

        For simulations of many syncs: no observation, no words.
        """
        self._memory.see(current, now)
        if not current and not self._may_leave_zero():
            return 0
        if (within := self._within_limits(current)) != current:
            self._record_change(current, within, now)
            return within
        held = self._hold(proposed, current=current, now=now)
        self._memory.recommend(proposed, now, window=self._window)
        if held == current != 0:
            return current
        limited = self._limit(held, current=current, now=now)
        desired = self._above_zero(limited.after, current)
        if desired != current:
            self._record_change(current, desired, now)
        return desired

    def _follow(self, proposals: Sequence[Proposal], *, current: int, now: float) -> Decision:
        best = winner(proposals, current)
        if best is None:
            condition, events = conditions.metrics_failed(proposals)
            return self._decide_nothing(now, current, condition, events, proposals)
        events = conditions.failure_events(proposals)
        proposed = proposals[best].replicas or 0
        stabilization = self._stabilize(proposed, current=current, now=now)
        limited = self._limit(stabilization.after, current=current, now=now)
        unstabilized = None
        if stabilization.after != proposed:
            unstabilized = self._limit(proposed, current=current, now=now)
        desired = self._above_zero(limited.after, current)
        # Without `behavior` only scaling down is stabilized.
        rises = self.spec.behavior is not None and proposed >= current
        self._memory.set(
            self._found[best],
            conditions.stabilized(stabilization, rises=rises),
            conditions.limited(limited.reason),
        )
        if desired != current:
            metric = proposals[best].metric
            reason = conditions.rescale_reason(metric, proposed=proposed, current=current)
            if desired != limited.after:
                reason = reason or conditions.BELOW_MINIMUM
            events.append(self._rescale(current, desired, reason=reason, now=now))
        return Decision(
            at=now,
            current=current,
            desired=desired,
            proposals=proposals,
            winner=best,
            stabilization=stabilization,
            rate_limit=limited,
            conditions=dict(self._memory.conditions),
            events=events,
            unstabilized=unstabilized,
        )

    def _may_leave_zero(self) -> bool:
        """Zero that somebody else has set means: do not scale (KEP-2021)."""
        if not (self.options.scale_to_zero and self._memory.is_scaled_to_zero):
            return False
        return self.spec.min_replicas != 0 or self._has_single_metric

    def _above_zero(self, desired: int, current: int) -> int:
        """A minimum that was raised while the workload was at zero."""
        return desired if current else max(desired, self.spec.min_replicas)

    def _stay_at_zero(self, now: float) -> Decision:
        if not self.options.scale_to_zero:
            self._memory.conditions.pop(SCALED_TO_ZERO, None)
        return self._decide_nothing(now, 0, conditions.DISABLED)

    def _decide_nothing(
        self,
        now: float,
        current: int,
        condition: Condition,
        events: Sequence[Event] = (),
        proposals: Sequence[Proposal] = (),
    ) -> Decision:
        self._memory.set(conditions.SCALE_WAS_READ, condition)
        return decision_without_metrics(
            at=now,
            current=current,
            desired=current,
            conditions=dict(self._memory.conditions),
            events=events,
            proposals=proposals,
        )

    def _within_limits(self, current: int) -> int:
        """Zero is no violation of a minimum: it is decided by `_may_leave_zero`."""
        if not current:
            return 0
        return min(max(current, self.spec.min_replicas), self.spec.max_replicas)

    def _correct(self, now: float, current: int, desired: int) -> Decision:
        """Outside minimum and maximum nothing else matters: no metric, no behavior."""
        is_above = current > desired
        reason = conditions.ABOVE_MAXIMUM if is_above else conditions.BELOW_MINIMUM
        event = self._rescale(current, desired, reason=reason, now=now)
        return decision_without_metrics(
            at=now,
            current=current,
            desired=desired,
            conditions=dict(self._memory.conditions),
            events=[event],
        )

    def _stabilize(self, proposed: int, *, current: int, now: float) -> Stabilization:
        """Hold the proposal back, and record it as it was before."""
        after = self._hold(proposed, current=current, now=now)
        found = explain_stabilization(
            proposed,
            after,
            self._memory.recommendations,
            window=self._up_window if after < proposed else self._down_window,
            now=now,
            counts_oldest=self.spec.behavior is None,
        )
        self._memory.recommend(proposed, now, window=self._window)
        return found

    def _hold(self, proposed: int, *, current: int, now: float) -> int:
        history = self._memory.recommendations
        if self.spec.behavior is None:
            return stabilized_without_behavior(proposed, history, window=self._down_window, now=now)
        return stabilized(
            proposed,
            history,
            current=current,
            up_window=self._up_window,
            down_window=self._down_window,
            now=now,
        )

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
            events=ScaleEvents(self._memory.scale_ups, self._memory.scale_downs),
            now=now,
        )

    def _rescale(self, current: int, desired: int, *, reason: str, now: float) -> Event:
        self._memory.set(conditions.rescaled(desired))
        self._record_change(current, desired, now)
        return conditions.rescale_event(desired, reason)

    def _record_change(self, current: int, desired: int, now: float) -> None:
        """The scale event, which only policies need, and who set the workload to zero."""
        if self.spec.behavior is not None:
            self._memory.rescale(desired - current, now, behavior=self.spec.behavior)
        if not self.options.scale_to_zero:
            self._memory.conditions.pop(SCALED_TO_ZERO, None)
            return
        is_to_zero = not desired and not self.spec.min_replicas and self._has_single_metric
        self._memory.set(
            conditions.IS_SCALED_TO_ZERO if is_to_zero else conditions.IS_NOT_SCALED_TO_ZERO
        )
