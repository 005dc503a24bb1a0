"""The conditions and events that the controller writes, with its own reasons and messages.

Source: `reconcileAutoscaler`, `computeReplicasForMetrics`, `validateAndParseSelector` and
`normalizeDesiredReplicas…` in kubernetes `pkg/controller/podautoscaler/horizontal.go`.
"""

from collections.abc import Sequence

from cartwheel.autoscaling.decision import Condition, Event, Proposal, Stabilization
from cartwheel.autoscaling.limits import IN_RANGE, MESSAGES
from cartwheel.autoscaling.names import (
    failure_reason,
    metric_description,
    reported_error,
    wrapped_error,
)
from cartwheel.autoscaling.observation import SelectorProblem
from cartwheel.autoscaling.spec import Metric
from cartwheel.autoscaling.state import SCALED_TO_ZERO

ABLE_TO_SCALE = "AbleToScale"
SCALING_ACTIVE = "ScalingActive"
SCALING_LIMITED = "ScalingLimited"

SCALE_WAS_READ = Condition(
    ABLE_TO_SCALE,
    True,
    "SucceededGetScale",
    "the HPA controller was able to get the target's current scale",
)
READY_FOR_NEW_SCALE = Condition(
    ABLE_TO_SCALE, True, "ReadyForNewScale", "recommended size matches current size"
)
SCALE_UP_STABILIZED = Condition(
    ABLE_TO_SCALE,
    True,
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
SCALE_DOWN_STABILIZED = Condition(
    ABLE_TO_SCALE,
    True,
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, "
    "applying the highest recent recommendation",
)
DISABLED = Condition(
    SCALING_ACTIVE,
    False,
    "ScalingDisabled",
    "scaling is disabled since the replica count of the target is zero",
)
IS_SCALED_TO_ZERO = Condition(
    SCALED_TO_ZERO, True, SCALED_TO_ZERO, "the HPA controller scaled the workload to zero"
)
IS_NOT_SCALED_TO_ZERO = Condition(
    SCALED_TO_ZERO,
    False,
    "NotScaledToZero",
    "the HPA controller did not scale the workload to zero",
)

ABOVE_MAXIMUM = "Current number of replicas above Spec.MaxReplicas"
BELOW_MINIMUM = "Current number of replicas below Spec.MinReplicas"

_LIMITED = {
    reason: Condition(SCALING_LIMITED, reason != IN_RANGE, reason, message)
    for reason, message in MESSAGES.items()
}


def metric_found(metric: Metric) -> Condition:
    """ScalingActive, with the metric that the count comes from."""
    return Condition(
        SCALING_ACTIVE,
        True,
        "ValidMetricFound",
        "the HPA was able to successfully calculate a replica count from "
        + metric_description(metric),
    )


def stabilized(found: Stabilization, *, rises: bool) -> Condition:
    """AbleToScale, after stabilization."""
    if found.after == found.before:
        return READY_FOR_NEW_SCALE
    return SCALE_UP_STABILIZED if rises else SCALE_DOWN_STABILIZED


def limited(reason: str) -> Condition:
    """ScalingLimited, by the reason of a limit."""
    return _LIMITED[reason]


def rescaled(replicas: int) -> Condition:
    """AbleToScale, after the count has been written."""
    return Condition(
        ABLE_TO_SCALE,
        True,
        "SucceededRescale",
        f"the HPA controller was able to update the target scale to {replicas}",
    )


def rescale_event(replicas: int, reason: str) -> Event:
    return Event("Normal", "SuccessfulRescale", f"New size: {replicas}; reason: {reason}")


def rescale_reason(metric: Metric, *, proposed: int, current: int) -> str:
    """Compared before stabilization and limits, so it may be empty, or speak of the other way."""
    if proposed > current:
        return f"{metric_description(metric)} above target"
    return "All metrics below target" if proposed < current else ""


def failure_events(proposals: Sequence[Proposal]) -> list[Event]:
    """One event for each metric that failed."""
    return [
        Event("Warning", failure_reason(one.metric), reported_error(one.metric, one.error))
        for one in proposals
        if one.error is not None
    ]


def metrics_failed(proposals: Sequence[Proposal]) -> tuple[Condition, list[Event]]:
    """ScalingActive and the events when the metrics decide nothing; the first failure counts."""
    failed = [(one.metric, one.error) for one in proposals if one.error is not None]
    first = failed[0]
    summary = (
        f"invalid metrics ({len(failed)} invalid out of {len(proposals)}), "
        f"first error is: {wrapped_error(*first)}"
    )
    condition = Condition(
        SCALING_ACTIVE,
        False,
        failure_reason(first[0]),
        f"the HPA was unable to compute the replica count: {reported_error(*first)}",
    )
    return condition, [*failure_events(proposals), _compute_failed(summary)]


def selector_failed(problem: SelectorProblem) -> tuple[Condition, list[Event]]:
    """ScalingActive and the events when the pods of the workload cannot be told."""
    condition = Condition(SCALING_ACTIVE, False, problem.reason, problem.condition_message)
    events = [
        Event("Warning", problem.event_reason, problem.event_message),
        _compute_failed(problem.event_message),
    ]
    return condition, events


def _compute_failed(message: str) -> Event:
    return Event("Warning", "FailedComputeMetricsReplicas", message)
