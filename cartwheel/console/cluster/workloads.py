"""The services of a namespace and their replicas, as the Kubernetes API has them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.pods import condition_of
from cartwheel.mesh import ReplicaState, ServiceState
from cartwheel.mesh.frame import Phase

TEMPLATE_HASH = "pod-template-hash"
CRASHES = ("CrashLoopBackOff", "RunContainerError", "CreateContainerError", "OOMKilled", "Error")
NAME_LABEL, COMPONENT_LABEL = "app.kubernetes.io/name", "app.kubernetes.io/component"
# Those of our manifests that watch the shop or load it: they are not of its mesh.
TOOLS = ("monitoring", "load")


def services_of(deployments: Sequence[Json], pods: Sequence[Json]) -> Sequence[ServiceState]:
    """A service for each Deployment of the mesh, with its pods as replicas, oldest first."""
    by_deployment: defaultdict[str, list[Json]] = defaultdict(list)
    for pod in pods:
        by_deployment[deployment_of(pod)].append(pod)
    return [
        ServiceState(
            name_of(deployment),
            desired=deployment["spec"].get("replicas", 1),
            replicas=[_replica(pod) for pod in _by_age(by_deployment[_name(deployment)])],
        )
        for deployment in deployments
        if _labels(deployment).get(COMPONENT_LABEL) not in TOOLS
    ]


def name_of(deployment: Json) -> str:
    """Its label `app.kubernetes.io/name`, which metrics have as `service`; else its own name."""
    return _labels(deployment).get(NAME_LABEL, _name(deployment))


def deployment_of(pod: Json) -> str:
    """The name of the Deployment of a pod; empty for a pod of something else.

    The ReplicaSet between the two is named after the Deployment and the hash of the template.
    """
    metadata = pod["metadata"]
    owners = metadata.get("ownerReferences") or ()
    owner = next((one["name"] for one in owners if one["kind"] == "ReplicaSet"), "")
    template = (metadata.get("labels") or {}).get(TEMPLATE_HASH, "")
    return str(owner).removesuffix(f"-{template}") if template else ""


def _replica(pod: Json) -> ReplicaState:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    reason = _reason(pod, statuses)
    return ReplicaState(
        _name(pod),
        _phase(pod, reason),
        restarts=sum(one.get("restartCount", 0) for one in statuses),
        reason=reason,
    )


def _phase(pod: Json, reason: str) -> Phase:
    if pod["metadata"].get("deletionTimestamp") is not None:
        return "draining"
    if reason in CRASHES or (pod.get("status") or {}).get("phase") == "Failed":
        return "crashed"
    ready = condition_of(pod, "Ready")
    return "ready" if ready is not None and ready["status"] == "True" else "starting"


def _reason(pod: Json, statuses: Sequence[Json]) -> str:
    """Why a container waits or has ended, or why the pod is not scheduled."""
    for status in statuses:
        state = status.get("state") or {}
        for kind in ("waiting", "terminated"):
            reason = (state.get(kind) or {}).get("reason", "")
            if reason and reason not in ("ContainerCreating", "PodInitializing", "Completed"):
                return str(reason)
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled is not None and scheduled["status"] == "False":
        return str(scheduled.get("reason", ""))
    return ""


def _by_age(pods: Sequence[Json]) -> Sequence[Json]:
    return sorted(pods, key=lambda pod: (pod["metadata"]["creationTimestamp"], _name(pod)))


def _labels(item: Json) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}


def _name(item: Json) -> str:
    return str(item["metadata"]["name"])
