"""What KEDA says about a ScaledObject, in plain sentences."""

from collections.abc import Iterator, Mapping

from cartwheel.autoscaling.keda_sentences import explain_pause
from cartwheel.autoscaling.manifests import pause_of
from cartwheel.autoscaling.sentence import Basis, Sentence, number_of_replicas
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.pods import condition_of

_MAX_QUERY = 160
_BEHAVIORS = {
    "currentReplicas": ", but its behavior keeps the current number",
    "currentReplicasIfHigher": ", or the current number if that is higher",
    "currentReplicasIfLower": ", or the current number if that is lower",
}


def about_scaled_object(scaled_object: Json) -> Iterator[Sentence]:
    """What KEDA says about the ScaledObject that an autoscaler comes from."""
    name = scaled_object["metadata"]["name"]
    yield from _about_pause(scaled_object, name)
    yield from _about_fallback(scaled_object, name)
    ready = condition_of(scaled_object, "Ready")
    if ready is not None and ready["status"] == "False":
        text = f"KEDA: ScaledObject {name} is not ready: {sentence_of(ready.get('message', ''))}"
        yield Sentence(text, Basis.MEASURED)
    active = condition_of(scaled_object, "HPAActive")
    if active is not None and active["status"] == "False":
        text = f"KEDA: its autoscaler does not scale (HPAActive): {sentence_of(active['message'])}"
        yield Sentence(text, Basis.MEASURED)
    yield from _about_triggers(scaled_object, name)


def is_fallback_active(scaled_object: Json) -> bool:
    condition = condition_of(scaled_object, "Fallback")
    return condition is not None and condition["status"] == "True"


def fallback_failures(scaled_object: Json | None) -> Mapping[str, str]:
    """The metrics whose value comes from the fallback, with what happened to each."""
    if scaled_object is None or not is_fallback_active(scaled_object):
        return {}
    return {metric: _times(failures) for metric, failures in _failures(scaled_object).items()}


def sentence_of(text: str) -> str:
    return f"{text.strip().rstrip('.')}."


def _failures(scaled_object: Json) -> Mapping[str, int]:
    """How often in a row each metric could not be read; without those that can be."""
    health = (scaled_object.get("status") or {}).get("health") or {}
    return {
        metric: one.get("numberOfFailures", 0)
        for metric, one in health.items()
        if one.get("status") == "Failing"
    }


def _times(failures: int) -> str:
    return "1 failure" if failures == 1 else f"{failures} failures in a row"


def _about_pause(scaled_object: Json, name: str) -> Iterator[Sentence]:
    try:
        pause = pause_of(scaled_object["metadata"].get("annotations") or {})
    except ValueError as error:
        yield Sentence(f"ScaledObject {name}: {sentence_of(str(error))}", Basis.MEASURED)
        return
    yield from explain_pause(pause)
    paused = condition_of(scaled_object, "Paused")
    if pause is None and paused is not None and paused["status"] == "True":
        text = f"KEDA: ScaledObject {name} is paused (Paused), though no annotation says so."
        yield Sentence(text, Basis.MEASURED)


def _about_fallback(scaled_object: Json, name: str) -> Iterator[Sentence]:
    fallback = scaled_object["spec"].get("fallback")
    for metric, failures in _failures(scaled_object).items():
        text = f"KEDA could not read {metric}: {_times(failures)}"
        if fallback is None:
            yield Sentence(f"{text}, and there is no fallback.", Basis.MEASURED)
        elif failures <= fallback["failureThreshold"]:
            threshold = fallback["failureThreshold"]
            yield Sentence(f"{text}. After {threshold} the fallback applies.", Basis.MEASURED)
    if fallback is not None and is_fallback_active(scaled_object):
        behavior = fallback.get("behavior", "static")
        text = (
            f"The fallback of ScaledObject {name} asks for "
            f"{number_of_replicas(fallback['replicas'])}{_BEHAVIORS.get(behavior, '')}."
        )
        yield Sentence(text, Basis.MEASURED)


def _about_triggers(scaled_object: Json, name: str) -> Iterator[Sentence]:
    """Which trigger is behind each name of a metric."""
    names = (scaled_object.get("status") or {}).get("externalMetricNames") or ()
    for metric in names:
        index = metric.removeprefix("s").partition("-")[0]
        triggers = scaled_object["spec"]["triggers"]
        if not index.isdecimal() or int(index) >= len(triggers):
            continue
        trigger = triggers[int(index)]
        text = f"{metric} is the trigger {trigger['type']} of ScaledObject {name}"
        query = " ".join(str(trigger.get("metadata", {}).get("query", "")).split())
        if len(query) > _MAX_QUERY:
            query = f"{query[:_MAX_QUERY]}…"
        yield Sentence(f"{text}: {query}" if query else f"{text}.", Basis.MEASURED)
