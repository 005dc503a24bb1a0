"""Deletions that have not ended and block the next deployment."""

from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.keda_installation import WITHOUT_OPERATOR
from cartwheel.doctor.cluster.pod_problems import SETTLING_TIME
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.finding import Finding, Outcome
from cartwheel.kubernetes.api import Json, path_of
from cartwheel.kubernetes.errors import Forbidden

FREE = 'patch {name} --type merge --patch \'{{"metadata": {{"finalizers": null}}}}\''


def examine(view: ClusterView) -> Iterator[Outcome]:
    namespace = _namespace(view)
    if namespace and _is_stuck(view, namespace):
        yield Finding(
            about=f"namespace/{view.namespace}",
            problem="it is being deleted: nothing new can be created in it",
            evidence=f"since {namespace['metadata']['deletionTimestamp']}",
            command=view.kubectl(f"wait --for delete namespace/{view.namespace}", ""),
        )
    for each in view.list("scaledobjects"):
        if _is_stuck(view, each):
            name = f"scaledobject/{each['metadata']['name']}"
            finalizers = ", ".join(each["metadata"].get("finalizers") or [])
            yield Finding(
                about=name,
                problem="it is being deleted and waits for KEDA's operator",
                evidence=f"its finalizers: {finalizers}",
                command=view.kubectl(FREE.format(name=name)),
                follows_from=[WITHOUT_OPERATOR],
            )


def _namespace(view: ClusterView) -> Json | None:
    try:
        return view.find(path_of("api", "v1", "namespaces", view.namespace))
    except Forbidden:
        # A viewer of one namespace may not read the namespace itself.
        return None


def _is_stuck(view: ClusterView, found: Json) -> bool:
    deleted = found["metadata"].get("deletionTimestamp")
    return deleted is not None and view.seconds_since(deleted) > SETTLING_TIME


CHECK = Check("deletions", "objects that are being deleted for more than a minute", examine)
