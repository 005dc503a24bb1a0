"""Policies: how fast the count may change.

Source: `calculateScaleUpLimitWithScalingRules`, `calculateScaleDownLimitWithBehaviors` and
`convertDesiredReplicasWithBehaviorRate` in kubernetes `pkg/controller/podautoscaler/horizontal.go`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cartwheel.autoscaling.decision import ScaleEvent
from cartwheel.autoscaling.spec import PolicyType, ScalingPolicy, ScalingRules, SelectPolicy


@dataclass(frozen=True)
class ScaleEvents:
    """Changes of the past, by direction; ``change`` is positive in both."""

    up: Sequence[ScaleEvent] = ()
    down: Sequence[ScaleEvent] = ()

    def at_start_of(self, period: float, *, current: int, now: float) -> int:
        """How many replicas there were when the period began, as far as the autoscaler knows."""
        return current - _sum_since(self.up, now - period) + _sum_since(self.down, now - period)


@dataclass(frozen=True)
class PolicyLimit:
    """The count that the rules allow, the policy that says so (None: scaling is disabled), and
    when it allows more."""

    replicas: int
    policy: ScalingPolicy | None
    until: float | None = None


def scale_up_limit(
    rules: ScalingRules, events: ScaleEvents, *, current: int, now: float
) -> PolicyLimit:
    """The highest count allowed now, never below the current one."""
    if rules.select_policy is SelectPolicy.DISABLED:
        return PolicyLimit(current, None)
    limits = [
        (_raised(one, events.at_start_of(one.period_seconds, current=current, now=now)), one)
        for one in rules.policies
    ]
    choose = min if rules.select_policy is SelectPolicy.MIN else max
    replicas, policy = choose(limits, key=_replicas)
    return PolicyLimit(max(replicas, current), policy, _opens(policy, events.up, now))


def scale_down_limit(
    rules: ScalingRules, events: ScaleEvents, *, current: int, now: float
) -> PolicyLimit:
    """The lowest count allowed now, never above the current one."""
    if rules.select_policy is SelectPolicy.DISABLED:
        return PolicyLimit(current, None)
    limits = [
        (_lowered(one, events.at_start_of(one.period_seconds, current=current, now=now)), one)
        for one in rules.policies
    ]
    choose = max if rules.select_policy is SelectPolicy.MIN else min
    replicas, policy = choose(limits, key=_replicas)
    return PolicyLimit(min(replicas, current), policy, _opens(policy, events.down, now))


def _replicas(limit: tuple[int, ScalingPolicy]) -> int:
    return limit[0]


def _raised(policy: ScalingPolicy, start: int) -> int:
    """Percent are rounded up: 1 % of 3 replicas may add one."""
    if policy.type is PolicyType.PODS:
        return start + policy.value
    return math.ceil(start * (1 + policy.value / 100))


def _lowered(policy: ScalingPolicy, start: int) -> int:
    """Percent are truncated: 50 % of 5 replicas leave 2."""
    if policy.type is PolicyType.PODS:
        return start - policy.value
    return math.trunc(start * (1 - policy.value / 100))


def _opens(policy: ScalingPolicy, events: Sequence[ScaleEvent], now: float) -> float:
    """When the oldest change of the period leaves it. Without one, the change made now does."""
    cutoff = now - policy.period_seconds
    return min((event.at for event in events if event.at > cutoff), default=now) + (
        policy.period_seconds
    )


def _sum_since(events: Sequence[ScaleEvent], cutoff: float) -> int:
    return sum(event.change for event in events if event.at > cutoff)
