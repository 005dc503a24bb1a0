"""Fallback: the value that KEDA reports for a trigger that failed too often.

It is a value and no count, so all rules of the autoscaler apply to it: with a fallback of 11 and
10 replicas the ratio is 1.1, which is within the tolerance, and nothing changes.

Source: `doFallback` in kedacore/keda `pkg/fallback/fallback.go`.
"""

from cartwheel.autoscaling.observation import Observation, Reading, Unavailable, Values
from cartwheel.autoscaling.scaled_object import Fallback, FallbackBehavior, Trigger
from cartwheel.autoscaling.single_metrics import is_counted_ready
from cartwheel.autoscaling.spec import TargetType


def fallback_replicas(fallback: Fallback, current: int) -> int:
    """How many replicas the fallback asks for."""
    match fallback.behavior:
        case FallbackBehavior.STATIC:
            return fallback.replicas
        case FallbackBehavior.CURRENT_REPLICAS:
            return current
        case FallbackBehavior.CURRENT_REPLICAS_IF_HIGHER:
            return max(current, fallback.replicas)
        case FallbackBehavior.CURRENT_REPLICAS_IF_LOWER:
            return min(current, fallback.replicas)


def fallback_value(fallback: Fallback, trigger: Trigger, observation: Observation) -> Reading:
    """The value at which the target gives that count: of all replicas, or with Value of one."""
    replicas = fallback_replicas(fallback, observation.scale.spec_replicas)
    if trigger.metric_type is not TargetType.VALUE:
        return Values([trigger.threshold * replicas])
    ready = sum(is_counted_ready(pod) for pod in observation.pods)
    if not ready:
        return Unavailable("error performing fallback: no replica is ready")
    return Values([int(trigger.threshold * (replicas / ready))])
