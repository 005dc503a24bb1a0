"""Whether an autoscaler is paused: for each kind, the ways that it has for it."""

from cartwheel.autoscaling import keda
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.sentence import Basis, Sentence
from cartwheel.autoscaling.spec import Behavior, HorizontalPodAutoscalerSpec, SelectPolicy


def is_paused(autoscaler: HorizontalPodAutoscalerSpec | ScaledObject) -> bool:
    """Whether its metrics change nothing: annotations of KEDA, or a behavior that is disabled.

    With a disabled behavior the count still stays between the minimum and the maximum.
    """
    if not isinstance(autoscaler, ScaledObject):
        return is_disabled(autoscaler.behavior)
    if keda.is_paused(autoscaler.pause):
        return True
    return is_disabled(keda.paused_behavior(autoscaler.behavior, autoscaler.pause))


def is_disabled(behavior: Behavior | None) -> bool:
    """Whether it allows no change in either direction."""
    return behavior is not None and all(
        rules.select_policy is SelectPolicy.DISABLED
        for rules in (behavior.scale_up, behavior.scale_down)
    )


def explain_disabled(behavior: Behavior | None) -> list[Sentence]:
    """What a disabled behavior keeps from happening."""
    if not is_disabled(behavior):
        return []
    text = (
        "It is paused: selectPolicy is Disabled in both directions. Only its minimum and maximum "
        "change the count."
    )
    return [Sentence(text, Basis.MEASURED)]
