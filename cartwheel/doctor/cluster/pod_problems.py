"""Why a pod does not serve, in the words of the API."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cartwheel.doctor.cluster.view import ClusterView, condition_of
from cartwheel.kubernetes.api import Json

IMAGE_REASONS = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"}
)
# A pod that is about to become ready, or to end, is no problem yet.
SETTLING_TIME = 60.0  # seconds


@dataclass(frozen=True)
class PodProblem:
    """``reason`` is the API's word, ``message`` its sentence; ``image`` is set if it is missing."""

    pod: str
    reason: str
    message: str
    container: str = ""
    image: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}" if self.message else self.reason


def problem_of(view: ClusterView, pod: Json) -> PodProblem | None:
    """What keeps a pod from serving; None for one that serves, starts or has done its work."""
    name, status = pod["metadata"]["name"], pod["status"]
    if status.get("phase") in ("Succeeded", "Failed"):
        return None
    if deleted := pod["metadata"].get("deletionTimestamp"):
        # The timestamp includes the grace period.
        late = view.seconds_since(deleted)
        finalizers = ", ".join(pod["metadata"].get("finalizers") or [])
        waits = f"it waits for the finalizer {finalizers}" if finalizers else "it does not end"
        return PodProblem(name, "Terminating", waits) if late > SETTLING_TIME else None
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return PodProblem(name, scheduled.get("reason", "Pending"), scheduled.get("message", ""))
    for container in _containers(status):
        if found := _waiting(name, container):
            return found
    ready = condition_of(pod, "Ready")
    since = ready.get("lastTransitionTime") or status.get("startTime")
    if ready.get("status") == "False" and since and view.seconds_since(since) > SETTLING_TIME:
        return PodProblem(name, "NotReady", ready.get("message", ""))
    return None


def _containers(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []


def _waiting(pod: str, container: Mapping[str, Any]) -> PodProblem | None:
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in ("", "ContainerCreating", "PodInitializing"):
        return None
    if reason == "CrashLoopBackOff":
        ended = (container.get("lastState") or {}).get("terminated") or {}
        ending = ended.get("reason", "Error")
        message = f"container {container['name']} ends with {ending}"
        message += f" (exit code {ended['exitCode']})" if ended.get("exitCode") else ""
    image = container["image"] if reason in IMAGE_REASONS else ""
    return PodProblem(pod, reason, message, container["name"], image)
