"""Whether the namespace is there: a typing error would look like a healthy, empty one."""

from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.finding import Finding, Outcome
from cartwheel.kubernetes.api import path_of
from cartwheel.kubernetes.errors import Forbidden

NAME = "namespace"


def examine(view: ClusterView) -> Iterator[Outcome]:
    try:
        found = view.find(path_of("api", "v1", "namespaces", view.namespace))
    except Forbidden:
        # A viewer of one namespace may not read the namespace itself.
        return
    if found is None:
        yield Finding(
            about=f"namespace/{view.namespace}",
            problem="there is no such namespace",
            evidence="the API server does not find it",
            command=view.kubectl("get namespaces", ""),
        )


CHECK = Check(NAME, "whether the namespace exists", examine)
