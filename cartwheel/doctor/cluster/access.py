"""Whether the cluster responds at all."""

from collections.abc import Iterator

from cartwheel.doctor.check import Check, Examination
from cartwheel.doctor.cluster.view import KIND_PREFIX, ClusterView
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.kubernetes.cluster import NO_KUBECTL
from cartwheel.kubernetes.errors import Unreachable

NAME = "access"


def examine(view: ClusterView) -> Iterator[Outcome]:
    try:
        version = view.get("/version")
    except Unreachable as error:
        yield _unreachable(view.context, error)
    else:
        yield Healthy(f"Kubernetes {version['gitVersion'].removeprefix('v')}")


def no_access(context: str, error: Unreachable) -> Examination:
    """What is said when not even kubectl's configuration leads to a cluster."""
    return Examination(NAME, findings=[_unreachable(context, error)])


def _unreachable(context: str, error: Unreachable) -> Finding:
    message = str(error).rstrip(".")
    return Finding(
        about=f"cluster {context}" if context else "the cluster",
        problem="it cannot be reached",
        evidence=message,
        command=_remedy(context, str(error)),
        follows_from=["kind-machine"],
    )


def _remedy(context: str, message: str) -> str:
    if message == NO_KUBECTL:
        return "open https://kubernetes.io/docs/tasks/tools"
    if "context" in message or "configuration" in message:
        return "kubectl config get-contexts"
    if context.startswith(KIND_PREFIX):
        return f"docker start {context.removeprefix(KIND_PREFIX)}-control-plane"
    return f"kubectl --context {context} cluster-info" if context else "kubectl cluster-info"


CHECK = Check(NAME, "whether the API server responds to this person's kubectl", examine)
