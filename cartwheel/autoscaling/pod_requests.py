"""The resource request of each pod, which a utilization is a share of.

Source: `calculateRequests` in kubernetes `pkg/controller/podautoscaler/replica_calculator.go`.
"""

from collections.abc import Sequence

from cartwheel.autoscaling.errors import MetricError
from cartwheel.autoscaling.observation import Pod


def pod_requests(pods: Sequence[Pod], resource: str, container: str | None) -> dict[str, int]:
    """The requests by pod, in thousandths. Raises `MetricError` for a pod without one."""
    return {pod.name: _request_of(pod, resource, container) for pod in pods}


def _request_of(pod: Pod, resource: str, container: str | None) -> int:
    if container is not None:
        if container not in pod.requests:
            raise MetricError(f"container {container} not found in Pod {pod.name}")
        return _container_request(pod, container, resource)
    if pod.pod_requests:
        return _pod_level_request(pod, resource)
    return sum(_container_request(pod, name, resource) for name in pod.requests)


def _container_request(pod: Pod, container: str, resource: str) -> int:
    requests = pod.requests[container]
    if resource not in requests:
        raise MetricError(
            f"missing request for {resource} in container {container} of Pod {pod.name}"
        )
    return requests[resource]


def _pod_level_request(pod: Pod, resource: str) -> int:
    """KEP-2837: a pod with requests of its own needs none for each container."""
    if resource in pod.pod_requests:
        return pod.pod_requests[resource]
    found = [requests[resource] for requests in pod.requests.values() if resource in requests]
    if not found:
        raise MetricError(f"missing pod-level request for {resource} in Pod {pod.name}")
    return sum(found)
