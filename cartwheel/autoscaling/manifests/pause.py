"""The annotations `autoscaling.keda.sh/paused…` of a ScaledObject.

Source: https://keda.sh/docs/latest/concepts/scaling-deployments/#pausing-autoscaling.
"""

from collections.abc import Mapping, Sequence

from cartwheel.autoscaling.scaled_object import Pause

PAUSED = "autoscaling.keda.sh/paused"
PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"
# The second name is the older one.
_PAUSED_SCALE_IN = ("autoscaling.keda.sh/paused-scale-in", "autoscaling.keda.sh/paused-scale-down")
_PAUSED_SCALE_OUT = ("autoscaling.keda.sh/paused-scale-out",)
_FALSE = ("false", "f", "0")


def pause_of(annotations: Mapping[str, str]) -> Pause | None:
    """What is paused, if anything. Raises `ValueError` for a number that is none."""
    if (text := annotations.get(PAUSED_REPLICAS)) is not None:
        if not (text.isascii() and text.isdecimal()):
            raise ValueError(f"the annotation {PAUSED_REPLICAS} is no number: {text}")
        return Pause(int(text))
    if _is_set(annotations, PAUSED):
        return Pause()
    only_in = any(_is_set(annotations, name) for name in _PAUSED_SCALE_IN)
    only_out = any(_is_set(annotations, name) for name in _PAUSED_SCALE_OUT)
    if not (only_in or only_out):
        return None
    return Pause(only_scale_in=only_in, only_scale_out=only_out)


def pausing_annotations(annotations: Mapping[str, str]) -> Sequence[str]:
    """The names of those that pause something."""
    replicas = [PAUSED_REPLICAS] if PAUSED_REPLICAS in annotations else []
    others = (PAUSED, *_PAUSED_SCALE_IN, *_PAUSED_SCALE_OUT)
    return [*replicas, *(name for name in others if _is_set(annotations, name))]


def _is_set(annotations: Mapping[str, str], name: str) -> bool:
    """KEDA takes everything for true that is not false."""
    return name in annotations and annotations[name].lower() not in _FALSE
