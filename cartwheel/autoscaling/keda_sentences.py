"""What KEDA itself does, in plain sentences: a pause, and the way to zero and back."""

from cartwheel.autoscaling.keda import Poll
from cartwheel.autoscaling.scaled_object import Pause, ScaledObject
from cartwheel.autoscaling.sentence import Basis, Sentence, number_of_replicas


def explain_pause(pause: Pause | None) -> list[Sentence]:
    """What an annotation `autoscaling.keda.sh/paused…` keeps from happening."""
    if pause is None:
        return []
    if pause.only_scale_in and pause.only_scale_out:
        text = "KEDA is paused in both directions by annotations: the count stays."
    elif pause.only_scale_in:
        text = "An annotation of KEDA pauses scaling in: the count can only grow."
    elif pause.only_scale_out:
        text = "An annotation of KEDA pauses scaling out: the count can only shrink."
    elif pause.replicas is not None:
        text = (
            f"An annotation of KEDA pauses it at {number_of_replicas(pause.replicas)}; its "
            "autoscaler is deleted until the annotation goes."
        )
    else:
        text = (
            "An annotation of KEDA pauses it at the current number; its autoscaler is deleted "
            "until the annotation goes."
        )
    return [Sentence(text, Basis.MEASURED)]


def explain_poll(poll: Poll, spec: ScaledObject, *, now: float | None = None) -> list[Sentence]:
    """Why KEDA keeps a workload awake, wakes it or lets it rest."""
    now = poll.at if now is None else now
    match poll.reason:
        case "ScaledObjectPaused":
            return explain_pause(spec.pause)
        case "ScalerActive" if poll.desired > poll.current:
            text = f"{_triggers(poll)} active: KEDA wakes it to {number_of_replicas(poll.desired)}."
        case "ScalerActive":
            text = f"{_triggers(poll)} active, which keeps it awake."
        case "PartialTriggerError":
            text = f"{_triggers(poll)} active; another trigger could not be read."
        case "TriggerError":
            text = "A trigger could not be read, and there is no fallback: KEDA changes nothing."
        case "ScalerCooldown":
            left = round((poll.until or now) - now)
            end = f"when none has been for another {left} s" if left > 0 else "at the next poll"
            text = (
                f"No trigger is active. KEDA lets it rest ({_rest(spec)}) {end} (cooldownPeriod)."
            )
        case _ if poll.desired < poll.current:
            text = f"No trigger has been active for the cool-down: KEDA sets {poll.desired}."
        case _:
            text = "No trigger is active."
    return [Sentence(text, Basis.COMPUTED)]


def _triggers(poll: Poll) -> str:
    names = ", ".join(poll.active_triggers)
    if not names:
        return "CPU and memory are always"
    return f"{names} {'is' if len(poll.active_triggers) == 1 else 'are'}"


def _rest(spec: ScaledObject) -> str:
    return number_of_replicas(spec.idle_replicas or 0)
