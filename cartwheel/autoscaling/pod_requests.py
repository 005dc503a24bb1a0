"""The resource request of each pod, which a utilization is a share of.

Source: `calculatePodRequests` in kubernetes `pkg/controller/podautoscaler/replica_calculator.go`.
"""

from collections.abc import Sequence

from cartwheel.autoscaling.errors import MetricError
from cartwheel.autoscaling.observation import Pod


def pod_requests(pods: Sequence[Pod], resource: str, container: str | None) -> dict[str, int]:
    """The requests by pod, in thousandths. Raises `MetricError` for a pod without one."""
    return {pod.name: _request_of(pod, resource, container) for pod in pods}


def _request_of(pod: Pod, resource: str, container: str | None) -> int:
    if container is None and resource in pod.pod_requests:  # KEP-2837
        return pod.pod_requests[resource]
    return sum(
        _container_request(pod, name, resource)
        for name in pod.requests
        if container in (None, name)
    )


def _container_request(pod: Pod, container: str, resource: str) -> int:
    requests = pod.requests[container]
    if resource not in requests:
        raise MetricError(
            f"missing request for {resource} in container {container} of Pod {pod.name}"
        )
    return requests[resource]
