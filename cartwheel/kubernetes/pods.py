"""Pods of the API as the autoscaler sees them."""

from collections.abc import Iterator, Mapping

from cartwheel.autoscaling.observation import Pod
from cartwheel.autoscaling.quantities import parse_quantity
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.times import parse_time

POD_LEVEL_RESOURCES = ("cpu", "memory", "hugepages-")


def pod_from_object(pod: Json, *, has_vertical_autoscaler: bool = False) -> Pod:
    """The part of a pod that counts for its autoscaler."""
    spec, status = pod.get("spec", {}), pod.get("status", {})
    ready = condition_of(pod, "Ready")
    return Pod(
        name=pod["metadata"]["name"],
        phase=status.get("phase", "Unknown"),
        ready=None if ready is None else ready["status"] == "True",
        ready_since=None if ready is None else parse_time(ready.get("lastTransitionTime")),
        has_unknown_readiness=ready is not None and ready["status"] == "Unknown",
        started_at=parse_time(status.get("startTime")),
        is_deleted=pod["metadata"].get("deletionTimestamp") is not None,
        requests={one["name"]: _requests(one) for one in counted_containers(spec)},
        pod_requests=_pod_level_requests(spec),
        resize=_resize(pod),
        has_vertical_autoscaler=has_vertical_autoscaler,
    )


def condition_of(item: Json, kind: str) -> Json | None:
    """The condition of this type, of a pod or of any other object that has conditions."""
    conditions = (item.get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one["type"] == kind), None)


def counted_containers(spec: Json) -> Iterator[Json]:
    """The containers whose requests count: with those init containers that keep running."""
    yield from spec.get("containers", ())
    for container in spec.get("initContainers", ()):
        if container.get("restartPolicy") == "Always":
            yield container


def _resize(pod: Json) -> str:
    """Why a resize waits (`Deferred`, `Infeasible`), or `InProgress`; empty without one."""
    pending = condition_of(pod, "PodResizePending")
    if pending is not None and pending["status"] == "True":
        return str(pending.get("reason", "Pending"))
    running = condition_of(pod, "PodResizeInProgress")
    return "InProgress" if running is not None and running["status"] == "True" else ""


def _requests(holder: Json) -> dict[str, int]:
    requests = (holder.get("resources") or {}).get("requests") or {}
    return {name: parse_quantity(str(value)) for name, value in requests.items()}


def _pod_level_requests(spec: Json) -> Mapping[str, int]:
    """KEP-2837: with any request of the pod, its containers only count for other resources.

    Source: `PodRequests` in kubernetes `staging/src/k8s.io/component-helpers/resource/helpers.go`.
    """
    own = {
        name: value
        for name, value in _requests(spec).items()
        if name.startswith(POD_LEVEL_RESOURCES)
    }
    if not own:
        return {}
    total: dict[str, int] = {}
    for container in counted_containers(spec):
        for name, value in _requests(container).items():
            total[name] = total.get(name, 0) + value
    total |= own
    for name, value in (spec.get("overhead") or {}).items():
        total[name] = total.get(name, 0) + parse_quantity(str(value))
    return total
