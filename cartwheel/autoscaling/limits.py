"""Limits: from the stabilized recommendation to the count that is written.

Source: `convertDesiredReplicasWithBehaviorRate` and `convertDesiredReplicasWithRules` in
kubernetes `pkg/controller/podautoscaler/horizontal.go`.
"""

from cartwheel.autoscaling.decision import RateLimit
from cartwheel.autoscaling.scaling_policies import (
    PolicyLimit,
    ScaleEvents,
    scale_down_limit,
    scale_up_limit,
)
from cartwheel.autoscaling.spec import Behavior

IN_RANGE = "DesiredWithinRange"
MESSAGES = {
    IN_RANGE: "the desired count is within the acceptable range",
    "ScaleUpLimit": "the desired replica count is increasing faster than the maximum scale rate",
    "ScaleDownLimit": "the desired replica count is decreasing faster than the maximum scale rate",
    "TooManyReplicas": "the desired replica count is more than the maximum replica count",
    "TooFewReplicas": "the desired replica count is less than the minimum replica count",
}


def limit(
    desired: int,
    *,
    current: int,
    minimum: int,
    maximum: int,
    behavior: Behavior,
    events: ScaleEvents,
    now: float,
) -> RateLimit:
    """With `behavior`: its policies, then minimum and maximum."""
    if desired > current:
        rate = scale_up_limit(behavior.scale_up, events, current=current, now=now)
        return _at_most(desired, maximum, rate)
    if desired < current:
        rate = scale_down_limit(behavior.scale_down, events, current=current, now=now)
        return _at_least(desired, minimum, rate)
    return RateLimit(desired, desired)


def limit_without_behavior(
    desired: int, *, current: int, minimum: int, maximum: int, next_sync: float
) -> RateLimit:
    """Without `behavior`: at most double (or 4); scaling down has no limit but the minimum."""
    if desired < minimum:
        return RateLimit(desired, minimum, "TooFewReplicas")
    rate = PolicyLimit(max(2 * current, 4), None, next_sync)
    return _at_most(desired, maximum, rate)


def _at_most(desired: int, maximum: int, rate: PolicyLimit) -> RateLimit:
    if desired <= min(maximum, rate.replicas):
        return RateLimit(desired, desired)
    if rate.replicas < maximum:
        return RateLimit(desired, rate.replicas, "ScaleUpLimit", rate.policy, rate.until)
    return RateLimit(desired, maximum, "TooManyReplicas")


def _at_least(desired: int, minimum: int, rate: PolicyLimit) -> RateLimit:
    if desired >= max(minimum, rate.replicas):
        return RateLimit(desired, desired)
    if rate.replicas > minimum:
        return RateLimit(desired, rate.replicas, "ScaleDownLimit", rate.policy, rate.until)
    return RateLimit(desired, minimum, "TooFewReplicas")
