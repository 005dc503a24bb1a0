"""Limits: from the stabilized recommendation to the count that is written.

Source: `convertDesiredReplicasWithBehaviorRate` and `convertDesiredReplicasWithRules` in
kubernetes `pkg/controller/podautoscaler/horizontal.go`.
"""

from dataclasses import dataclass

from cartwheel.autoscaling.scaling_policies import (
    PolicyLimit,
    ScaleEvents,
    scale_down_limit,
    scale_up_limit,
)
from cartwheel.autoscaling.spec import Behavior, ScalingPolicy

IN_RANGE = "DesiredWithinRange"
MESSAGES = {
    IN_RANGE: "the desired count is within the acceptable range",
    "ScaleUpLimit": "the desired replica count is increasing faster than the maximum scale rate",
    "ScaleDownLimit": "the desired replica count is decreasing faster than the maximum scale rate",
    "TooManyReplicas": "the desired replica count is more than the maximum replica count",
    "TooFewReplicas": "the desired replica count is less than the minimum replica count",
}


@dataclass(frozen=True)
class Limited:
    """``policy`` is the one that limited, if one did; ``reason`` a key of `MESSAGES`."""

    replicas: int
    reason: str = IN_RANGE
    policy: ScalingPolicy | None = None


def limit(
    desired: int,
    *,
    current: int,
    minimum: int,
    maximum: int,
    behavior: Behavior,
    events: ScaleEvents,
    now: float,
) -> Limited:
    """With `behavior`: its policies, then minimum and maximum."""
    if desired > current:
        rate = scale_up_limit(behavior.scale_up, events, current=current, now=now)
        return _at_most(desired, maximum, rate)
    if desired < current:
        rate = scale_down_limit(behavior.scale_down, events, current=current, now=now)
        return _at_least(desired, minimum, rate)
    return Limited(desired)


def limit_without_behavior(desired: int, *, current: int, minimum: int, maximum: int) -> Limited:
    """Without `behavior`: at most double (or 4); scaling down has no limit but the minimum."""
    if desired < minimum:
        return Limited(minimum, "TooFewReplicas")
    return _at_most(desired, maximum, PolicyLimit(max(2 * current, 4), None))


def _at_most(desired: int, maximum: int, rate: PolicyLimit) -> Limited:
    if desired <= min(maximum, rate.replicas):
        return Limited(desired)
    if rate.replicas < maximum:
        return Limited(rate.replicas, "ScaleUpLimit", rate.policy)
    return Limited(maximum, "TooManyReplicas")


def _at_least(desired: int, minimum: int, rate: PolicyLimit) -> Limited:
    if desired >= max(minimum, rate.replicas):
        return Limited(desired)
    if rate.replicas > minimum:
        return Limited(rate.replicas, "ScaleDownLimit", rate.policy)
    return Limited(minimum, "TooFewReplicas")
