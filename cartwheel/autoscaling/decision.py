"""The result of one sync, with everything that led to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cartwheel.autoscaling.spec import Metric, ScalingPolicy


class PodGroup(StrEnum):
    """How a pod counts. Only ready pods count with their value."""

    READY = "ready"
    UNREADY = "unready"
    MISSING = "missing"
    IGNORED = "ignored"


@dataclass(frozen=True)
class CountedPod:
    """A pod, how it counted and why. ``value`` and ``request`` are thousandths, None if unknown."""

    name: str
    group: PodGroup
    reason: str
    value: int | None = None
    request: int | None = None


@dataclass(frozen=True)
class Proposal:
    """What one metric asks for.

    ``replicas`` is None if it could not be computed; ``error`` then says why. ``value`` is what
    the status reports: percent for a utilization, an average or a value in thousandths otherwise.
    ``ratio`` is value ÷ target, ``final_ratio`` the same after missing and unready pods have been
    filled in, and ``base`` the count that it multiplies. If the value is KEDA's fallback,
    ``fallback_for`` is the error that it stands for.
    """

    metric: Metric
    replicas: int | None
    value: int | None = None
    ratio: float | None = None
    final_ratio: float | None = None
    base: int | None = None
    is_within_tolerance: bool = False
    pods: Sequence[CountedPod] = ()
    error: str | None = None
    fallback_for: str | None = None


@dataclass(frozen=True)
class Recommendation:
    """A count that was recommended at a time (seconds since the epoch), before stabilization."""

    replicas: int
    at: float


@dataclass(frozen=True)
class ScaleEvent:
    """A change of ``change`` replicas (positive) in one direction at a time."""

    change: int
    at: float


@dataclass(frozen=True)
class Stabilization:
    """``held_by`` is the earlier recommendation that won over the new one, until ``until``."""

    before: int
    after: int
    held_by: Recommendation | None = None
    until: float | None = None


@dataclass(frozen=True)
class RateLimit:
    """What `behavior`, or the built-in rules, and the limits made of the stabilized count.

    ``reason`` is that of the condition ScalingLimited. If a ``policy`` limited the change, it
    allows more from ``until`` on.
    """

    before: int
    after: int
    reason: str = "DesiredWithinRange"
    policy: ScalingPolicy | None = None
    until: float | None = None


@dataclass(frozen=True)
class Condition:
    """AbleToScale, ScalingActive, ScalingLimited or ScaledToZero."""

    type: str
    status: bool
    reason: str
    message: str


@dataclass(frozen=True)
class Event:
    """What the controller would write on the HorizontalPodAutoscaler."""

    type: str  # Normal or Warning
    reason: str
    message: str


@dataclass(frozen=True)
class Decision:
    """``desired`` equals ``current`` if nothing changes.

    ``winner`` is the index of the proposal that was followed; None if none was.
    ``unstabilized`` is what ``rate_limit`` would be without stabilization; None if that held
    nothing. ``conditions`` are all that the status shows, with those of earlier syncs.
    """

    at: float
    current: int
    desired: int
    proposals: Sequence[Proposal]
    winner: int | None
    stabilization: Stabilization | None
    rate_limit: RateLimit | None
    conditions: Mapping[str, Condition]
    events: Sequence[Event]
    unstabilized: RateLimit | None = None


def decision_without_metrics(
    *,
    at: float,
    current: int,
    desired: int,
    conditions: Mapping[str, Condition],
    events: Sequence[Event] = (),
    proposals: Sequence[Proposal] = (),
) -> Decision:
    """No metric decided: nothing was stabilized or limited."""
    return Decision(
        at=at,
        current=current,
        desired=desired,
        proposals=proposals,
        winner=None,
        stabilization=None,
        rate_limit=None,
        conditions=conditions,
        events=events,
    )
