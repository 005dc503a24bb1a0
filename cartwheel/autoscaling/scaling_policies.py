"""Policies: how fast the count may change.

Source: `calculateScaleUpLimitWithScalingRules`, `calculateScaleDownLimitWithBehaviors` and
`convertDesiredReplicasWithBehaviorRate` in kubernetes `pkg/controller/podautoscaler/horizontal.go`.
"""

import math
from collections.abc import Callable, Sequence
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
    """The count that the rules allow, and the policy that says so (None: scaling is disabled)."""

    replicas: int
    policy: ScalingPolicy | None


def scale_up_limit(
    rules: ScalingRules, events: ScaleEvents, *, current: int, now: float
) -> PolicyLimit:
    """The highest count allowed now, never below the current one."""
    if rules.select_policy is SelectPolicy.DISABLED:
        return PolicyLimit(current, None)
    limits = [
        PolicyLimit(
            _raised(one, events.at_start_of(one.period_seconds, current=current, now=now)), one
        )
        for one in rules.policies
    ]
    choose = min if rules.select_policy is SelectPolicy.MIN else max
    chosen = choose(limits, key=lambda limit: limit.replicas)
    return PolicyLimit(max(chosen.replicas, current), chosen.policy)


def scale_down_limit(
    rules: ScalingRules, events: ScaleEvents, *, current: int, now: float
) -> PolicyLimit:
    """The lowest count allowed now, never above the current one."""
    if rules.select_policy is SelectPolicy.DISABLED:
        return PolicyLimit(current, None)
    limits = [
        PolicyLimit(
            _lowered(one, events.at_start_of(one.period_seconds, current=current, now=now)), one
        )
        for one in rules.policies
    ]
    choose = max if rules.select_policy is SelectPolicy.MIN else min
    chosen = choose(limits, key=lambda limit: limit.replicas)
    return PolicyLimit(min(chosen.replicas, current), chosen.policy)


def _limits(
    rules: ScalingRules,
    events: ScaleEvents,
    *,
    current: int,
    now: float,
    change: Callable[[ScalingPolicy, int], int],
) -> list[PolicyLimit]:
    limits = []
    for policy in rules.policies:
        start = events.at_start_of(policy.period_seconds, current=current, now=now)
        limits.append(PolicyLimit(change(policy, start), policy))
    return limits


def _raised(policy: ScalingPolicy, start: int) -> int:
    if policy.type is PolicyType.PODS:
        return start + policy.value
    return math.ceil(start * (1 + policy.value / 100))


def _lowered(policy: ScalingPolicy, start: int) -> int:
    if policy.type is PolicyType.PODS:
        return start - policy.value
    return math.trunc(start * (1 - policy.value / 100))


def _sum_since(events: Sequence[ScaleEvent], cutoff: float) -> int:
    return sum(event.change for event in events if event.at > cutoff)
