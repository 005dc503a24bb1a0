"""One exhibit: a manifest, what the autoscaler reads at some moments, and what it makes of that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked_dataclass

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.keda import KedaAutoscaler
from cartwheel.autoscaling.manifests import Autoscaler, read_autoscaler_text
from cartwheel.autoscaling.observation import (
    Observation,
    Pod,
    PodSamples,
    Reading,
    Sample,
    Scale,
    Unavailable,
    Values,
)
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.sentences import explain
from cartwheel.autoscaling.spec import ResourceMetric

FOLDER = Path(__file__).parent
# Of every pod, in thousandths of a core.
CPU_REQUEST = 1000
SAMPLE_WINDOW = 15.0
# Every pod has run for so long.
AGE = 3600.0
STRICT = ConfigDict(extra="forbid")


@checked_dataclass(config=STRICT, frozen=True)
class Moment:
    """What is read ``at`` a time.

    ``metrics`` are in the order of the manifest: a number (for CPU, percent of the request, the
    same for each pod) or, in words, why there is none. ``surge`` are pods beyond the count;
    ``unready`` of all pods are not ready; ``unsampled`` have no sample.
    """

    at: float
    metrics: Sequence[float | str]
    surge: int = 0
    unready: int = 0
    unsampled: int = 0
    note: str = ""


@checked_dataclass(config=STRICT, frozen=True)
class Exhibit:
    """``counts`` are the replicas after each moment; ``remedied`` those with the remedy."""

    name: str
    title: str
    issues: Sequence[str]
    sees: str
    why: str
    way_out: str
    autoscaler: str
    replicas: int
    moments: Sequence[Moment]
    counts: Sequence[int]
    remedy: str = ""
    remedied: Sequence[int] = ()


@dataclass(frozen=True)
class Seen:
    """What happened at a moment."""

    moment: Moment
    before: int
    after: int
    sentences: Sequence[str]


@cache
def exhibits() -> Mapping[str, Exhibit]:
    """All of them by name, in the order of their files."""
    read = TypeAdapter(Exhibit).validate_python
    found = [read(yaml.safe_load(file.read_text())) for file in sorted(FOLDER.glob("*.yaml"))]
    return {exhibit.name: exhibit for exhibit in found}


def play(exhibit: Exhibit, *, with_remedy: bool = False) -> list[Seen]:
    """Go through the moments; each begins with the count that the one before it decided."""
    manifest = exhibit.remedy if with_remedy else exhibit.autoscaler
    (spec,) = read_autoscaler_text(manifest, source=exhibit.name)
    engine = (
        KedaAutoscaler(spec) if isinstance(spec, ScaledObject) else HorizontalPodAutoscaler(spec)
    )
    count, found = exhibit.replicas, []
    for moment in exhibit.moments:
        before = count
        count, sentences = _decide(engine, _observe(spec, moment, count))
        found.append(Seen(moment, before, count, sentences))
    return found


def _decide(
    engine: HorizontalPodAutoscaler | KedaAutoscaler, observation: Observation
) -> tuple[int, Sequence[str]]:
    if isinstance(engine, KedaAutoscaler):
        poll = engine.poll(observation)
        if poll.desired != poll.current:
            return poll.desired, [f"KEDA itself goes from {poll.current} to {poll.desired}."]
        decision, spec = engine.sync(observation), engine.hpa
    else:
        decision, spec = engine.sync(observation), engine.spec
    sentences = explain(decision, spec, observation=observation)
    return decision.desired, [one.text for one in sentences]


def _observe(spec: Autoscaler, moment: Moment, count: int) -> Observation:
    total = count + moment.surge
    pods = [_pod(n, moment, is_ready=n >= moment.unready) for n in range(total)]
    sampled = [pod.name for pod in pods[: max(total - moment.unsampled, 0)]]
    readings = [
        _reading(value, is_cpu, moment.at, sampled)
        for value, is_cpu in zip(moment.metrics, _which_are_cpu(spec), strict=True)
    ]
    return Observation(moment.at, Scale(count, total), pods, readings)


def _pod(number: int, moment: Moment, *, is_ready: bool) -> Pod:
    started_at = moment.at - AGE
    return Pod(
        f"pod-{number + 1}",
        ready=is_ready,
        # One that is not ready has never been: it fails its probe under the load.
        ready_since=started_at + 1,
        started_at=started_at,
        requests={"app": {"cpu": CPU_REQUEST}},
    )


def _which_are_cpu(spec: Autoscaler) -> list[bool]:
    if isinstance(spec, ScaledObject):
        return [trigger.type == "cpu" for trigger in spec.triggers]
    return [isinstance(metric, ResourceMetric) for metric in spec.metrics]


def _reading(value: float | str, is_cpu: bool, at: float, pods: Sequence[str]) -> Reading:
    if isinstance(value, str):
        return Unavailable(value)
    if not is_cpu:
        return Values((round(value * 1000),))
    used = round(value * CPU_REQUEST / 100)
    return PodSamples({pod: Sample(used, at, SAMPLE_WINDOW) for pod in pods})
