"""Stabilization: recent recommendations hold back a change.

A window is no cool-down: it does not wait after a change. It takes the highest (down) or lowest
(up) recommendation in it (kubernetes#101371).

Source: `stabilizeRecommendation` and `stabilizeRecommendationWithBehaviors` in kubernetes
`pkg/controller/podautoscaler/horizontal.go`.
"""

from collections.abc import Sequence

from cartwheel.autoscaling.decision import Recommendation, Stabilization
from cartwheel.autoscaling.spec import Behavior, ControllerOptions

History = Sequence[Recommendation]


def windows(behavior: Behavior | None, options: ControllerOptions) -> tuple[float, float]:
    """The windows for scaling up and for scaling down, in seconds."""
    if behavior is None:
        return 0.0, options.downscale_stabilization
    up = behavior.scale_up.stabilization_window_seconds
    down = behavior.scale_down.stabilization_window_seconds
    return float(up or 0), options.downscale_stabilization if down is None else float(down)


def stabilized(
    desired: int,
    history: History,
    *,
    current: int,
    up_window: float,
    down_window: float,
    now: float,
) -> int:
    """With `behavior`: within the lowest of the up window and the highest of the down window."""
    lowest = highest = desired
    for one in history:
        if one.at > now - up_window and one.replicas < lowest:
            lowest = one.replicas
        if one.at > now - down_window and one.replicas > highest:
            highest = one.replicas
    return min(max(current, lowest), highest)


def stabilized_without_behavior(
    desired: int, history: History, *, window: float, now: float
) -> int:
    """Without `behavior`: the highest of the window; only scaling down is held back."""
    highest, oldest = desired, now - window
    for one in history:
        if one.at >= oldest and one.replicas > highest:
            highest = one.replicas
    return highest


def explain_stabilization(
    before: int, after: int, history: History, *, window: float, now: float, counts_oldest: bool
) -> Stabilization:
    """Which recommendation holds the count. Of equal ones the latest is the one to wait for.

    ``window`` is that of the direction. Only without `behavior` does it include its beginning.
    """
    if after == before:
        return Stabilization(before, after)
    oldest, rises = now - window, after < before
    holding = [
        one
        for one in history
        if (one.at > oldest or (counts_oldest and one.at == oldest))
        and (one.replicas < before if rises else one.replicas > before)
    ]
    extreme = (min if rises else max)(one.replicas for one in holding)
    by = max((one for one in holding if one.replicas == extreme), key=lambda one: one.at)
    return Stabilization(before, after, by, by.at + window)
