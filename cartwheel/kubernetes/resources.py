"""Where the objects of a kind are found in the API."""

from dataclasses import dataclass

from cartwheel.kubernetes.api import KubernetesApi, path_of
from cartwheel.kubernetes.errors import NotFound

# The kinds that autoscalers usually name; any other is looked up.
_PLURALS = {
    ("apps/v1", "Deployment"): "deployments",
    ("apps/v1", "StatefulSet"): "statefulsets",
    ("apps/v1", "ReplicaSet"): "replicasets",
    ("v1", "ReplicationController"): "replicationcontrollers",
    ("v1", "Service"): "services",
    ("v1", "Pod"): "pods",
    ("v1", "Namespace"): "namespaces",
    ("networking.k8s.io/v1", "Ingress"): "ingresses",
}


@dataclass(frozen=True)
class Resource:
    """A kind as paths name it: `apps/v1` and `deployments`."""

    api_version: str
    plural: str

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def qualified_name(self) -> str:
        """`deployments.apps`; of the core API, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str, *segments: str) -> str:
        return path_of(*_root(self.api_version), "namespaces", namespace, self.plural, *segments)


def find_resource(api: KubernetesApi, *, api_version: str, kind: str) -> Resource:
    """The resource of a kind. Raises `NotFound` if the cluster does not know the kind."""
    plural = _PLURALS.get((api_version, kind))
    if plural is None:
        listed = api.get(path_of(*_root(api_version)))
        names = [one["name"] for one in listed["resources"] if one["kind"] == kind]
        plural = next((name for name in names if "/" not in name), None)
    if plural is None:
        raise NotFound(f"The cluster has no kind {kind} of {api_version}.")
    return Resource(api_version, plural)


def _root(api_version: str) -> list[str]:
    """The first segments of a path: the core API has no group."""
    return ["apis", *api_version.split("/")] if "/" in api_version else ["api", api_version]
