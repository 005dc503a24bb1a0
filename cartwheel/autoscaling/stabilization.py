"""Stabilization: recent recommendations hold back a change.

A window is no cool-down: it does not wait after a change. It takes the highest (down) or lowest
(up) recommendation in it (kubernetes#101371).

Source: `stabilizeRecommendation` and `stabilizeRecommendationWithBehaviors` in kubernetes
`pkg/controller/podautoscaler/horizontal.go`.
"""

from collections.abc import Sequence

from cartwheel.autoscaling.decision import Recommendation, Stabilization
from cartwheel.autoscaling.spec import Behavior, ControllerOptions


def windows(behavior: Behavior | None, options: ControllerOptions) -> tuple[float, float]:
    """The windows for scaling up and for scaling down, in seconds."""
    if behavior is None:
        return 0.0, options.downscale_stabilization
    up = behavior.scale_up.stabilization_window_seconds
    down = behavior.scale_down.stabilization_window_seconds
    return (
        float(up or 0),
        options.downscale_stabilization if down is None else float(down),
    )


def stabilize(
    desired: int,
    history: Sequence[Recommendation],
    *,
    current: int,
    up_window: float,
    down_window: float,
    now: float,
) -> Stabilization:
    """With `behavior`: within the lowest of the up window and the highest of the down window."""
    up = [one for one in history if one.at > now - up_window]
    down = [one for one in history if one.at > now - down_window]
    lowest = min([desired, *(one.replicas for one in up)])
    highest = max([desired, *(one.replicas for one in down)])
    after = min(max(current, lowest), highest)
    if after == desired:
        return Stabilization(desired, after)
    rising = desired >= current
    return _held(desired, after, up if rising else down, up_window if rising else down_window)


def stabilize_without_behavior(
    desired: int, history: Sequence[Recommendation], *, window: float, now: float
) -> Stabilization:
    """Without `behavior`: the highest of the window; only scaling down is held back."""
    recent = [one for one in history if one.at >= now - window]
    after = max([desired, *(one.replicas for one in recent)])
    return (
        Stabilization(desired, after) if after == desired else _held(desired, after, recent, window)
    )


def _held(
    before: int, after: int, recent: Sequence[Recommendation], window: float
) -> Stabilization:
    """The latest recommendation that holds is the one to wait for."""
    rising = after < before
    holding = [
        one for one in recent if (one.replicas < before if rising else one.replicas > before)
    ]
    if not holding:
        return Stabilization(before, after)
    extreme = (min if rising else max)(one.replicas for one in holding)
    by = max((one for one in holding if one.replicas == extreme), key=lambda one: one.at)
    return Stabilization(before, after, by, by.at + window)
