"""What the cluster checks look at: one namespace, and what it depends on."""

import re
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cartwheel.kubernetes import pods
from cartwheel.kubernetes.api import Json, KubernetesApi, get_all, path_of
from cartwheel.kubernetes.errors import ClusterError, Forbidden, NotFound, Unreachable
from cartwheel.kubernetes.times import parse_time

KIND_PREFIX = "kind-"
_DENIED = re.compile(r'cannot (\w+) resource "([^"]+)"(?:.*namespace "([^"]+)")?')


class Api(KubernetesApi, Protocol):
    """A cluster whose logs can be read too."""

    def get_text(self, path: str) -> str:
        """The response as text. Raises `ClusterError`."""
        ...


@dataclass
class ClusterView:
    """Objects of the API, each read once and when a check asks for it.

    A read raises `ClusterError`; a right that is missing is named in a few words. ``context`` is
    the name in kubectl's configuration, ``kubectl_flags`` are those that suggested commands need.
    """

    api: Api
    namespace: str
    context: str = ""
    kubectl_flags: Sequence[str] = ()
    now: Callable[[], float] = time.time
    _seen: dict[str, Json | ClusterError] = field(default_factory=dict)

    @property
    def kind_cluster(self) -> str | None:
        """The name of the kind cluster behind the context; None for any other cluster."""
        is_kind = self.context.startswith(KIND_PREFIX)
        return self.context.removeprefix(KIND_PREFIX) if is_kind else None

    @property
    def silence(self) -> str | None:
        """Why the cluster does not respond; None if it does."""
        try:
            self.get("/version")
        except Unreachable as error:
            return str(error)
        return None

    def prefetch(self) -> None:
        """Read what most checks need, several at once."""
        paths = [_list_path(resource, self.namespace) for resource in RESOURCES]
        paths += ["/apis", "/api/v1/nodes"]
        self._seen.update(zip(paths, get_all(self.api, paths), strict=True))

    def get(self, path: str) -> Json:
        """The object at a path."""
        if path not in self._seen:
            try:
                self._seen[path] = self.api.get(path)
            except ClusterError as error:
                self._seen[path] = error
        seen = self._seen[path]
        if isinstance(seen, Forbidden):
            raise Forbidden(_missing_right(str(seen))) from None
        if isinstance(seen, ClusterError):
            raise seen
        return seen

    def find(self, path: str) -> Json | None:
        """The object at a path; None if there is none."""
        try:
            return self.get(path)
        except NotFound:
            return None

    def list(self, resource: str, namespace: str | None = None) -> Sequence[Json]:
        """The objects of a resource in a namespace; none if the cluster lacks the resource."""
        found = self.find(_list_path(resource, namespace or self.namespace)) or {}
        return found.get("items") or []

    def named(self, resource: str, name: str, namespace: str | None = None) -> Json | None:
        """One object; None if there is none."""
        objects = self.list(resource, namespace)
        return next((each for each in objects if each["metadata"]["name"] == name), None)

    def tail_of_log(self, pod: str, namespace: str, *, lines: int = 50) -> str:
        """The last lines of a pod's log; empty where they cannot be read."""
        path = path_of("api", "v1", "namespaces", namespace, "pods", pod, "log")
        try:
            return self.api.get_text(f"{path}?tailLines={lines}")
        except ClusterError:
            return ""

    def serves(self, group: str) -> bool:
        """Whether the API has this group."""
        return any(each["name"] == group for each in self.get("/apis").get("groups") or [])

    def seconds_since(self, timestamp: str) -> float:
        """How long ago a time of the API was, by this machine's clock."""
        return self.now() - (parse_time(timestamp) or self.now())

    def kubectl(self, arguments: str, namespace: str | None = None) -> str:
        """A kubectl command as a person types it. An empty namespace is none."""
        inside = self.namespace if namespace is None else namespace
        words = ["kubectl", *self.kubectl_flags, *(("-n", inside) if inside else ())]
        return f"{shlex.join(words)} {arguments}"


# Where the API has the resources that the checks list in a namespace.
RESOURCES: Mapping[str, tuple[str, ...]] = {
    "pods": ("api", "v1"),
    "services": ("api", "v1"),
    "events": ("api", "v1"),
    "deployments": ("apis", "apps", "v1"),
    "statefulsets": ("apis", "apps", "v1"),
    "horizontalpodautoscalers": ("apis", "autoscaling", "v2"),
    "endpointslices": ("apis", "discovery.k8s.io", "v1"),
    "scaledobjects": ("apis", "keda.sh", "v1alpha1"),
}


def condition_of(of: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """A condition of an object; empty if it has none of that type."""
    return pods.condition_of(of, kind) or {}


def _list_path(resource: str, namespace: str) -> str:
    return path_of(*RESOURCES[resource], "namespaces", namespace, resource)


def _missing_right(message: str) -> str:
    found = _DENIED.search(message)
    if found is None:
        return message
    verb, resource, namespace = found.groups()
    where = f" in {namespace}" if namespace else ""
    return f"no right to {verb} {resource}{where}"
