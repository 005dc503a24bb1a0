"""Which pods count for a metric: the first thing that `kubectl describe` does not say.

Source: `groupPods` in kubernetes `pkg/controller/podautoscaler/replica_calculator.go`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cartwheel.autoscaling.decision import PodGroup
from cartwheel.autoscaling.observation import Pod, Sample
from cartwheel.autoscaling.spec import ControllerOptions


@dataclass(frozen=True)
class Grouped:
    """The group of a pod, and why, in words that complete "not counted: "."""

    group: PodGroup
    reason: str = ""


READY = Grouped(PodGroup.READY)
DELETED = Grouped(PodGroup.IGNORED, "being deleted")
ENDED = {
    "Failed": Grouped(PodGroup.IGNORED, "failed"),
    "Succeeded": Grouped(PodGroup.IGNORED, "finished"),
}
PENDING = Grouped(PodGroup.UNREADY, "pending")
MISSING = Grouped(PodGroup.MISSING, "no sample of the metric")


def group_pods(
    pods: Sequence[Pod],
    samples: Mapping[str, Sample],
    *,
    resource: str | None,
    now: float,
    options: ControllerOptions,
) -> dict[str, Grouped]:
    """The group of each pod by its name. Only for CPU does the start of a pod matter."""
    is_cpu = resource == "cpu"
    return {pod.name: _group(pod, samples.get(pod.name), is_cpu, now, options) for pod in pods}


def _group(
    pod: Pod, sample: Sample | None, is_cpu: bool, now: float, options: ControllerOptions
) -> Grouped:
    if pod.is_deleted:
        return DELETED
    if pod.phase in ENDED:
        return ENDED[pod.phase]
    if pod.phase == "Pending":
        return PENDING
    if sample is None:
        return MISSING
    if is_cpu and (reason := _why_cpu_does_not_count(pod, sample, now, options)):
        return Grouped(PodGroup.UNREADY, reason)
    return READY


def _why_cpu_does_not_count(
    pod: Pod, sample: Sample, now: float, options: ControllerOptions
) -> str | None:
    """Starting uses CPU that says nothing about the load, so it is left out."""
    if pod.ready is None or pod.ready_since is None or pod.started_at is None:
        return "not reported whether ready"
    # Here a condition that is unknown is not false: the CPU of such a pod counts.
    is_unready = not pod.ready and not pod.has_unknown_readiness
    if now < pod.started_at + options.cpu_initialization_period:
        if is_unready:
            return "starting and not ready"
        if sample.at < pod.ready_since + sample.window:
            return "its CPU was measured in part before it was ready"
        return None
    if is_unready and pod.ready_since < pod.started_at + options.initial_readiness_delay:
        return "never ready since its start"
    return None
