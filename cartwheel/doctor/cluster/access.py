"""Whether the cluster responds at all."""

import re
from collections.abc import Iterator

from cartwheel.doctor.check import Check, Examination
from cartwheel.doctor.cluster.view import KIND_PREFIX, ClusterView
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.kubernetes.cluster import NO_CONTEXT, NO_KUBECTL
from cartwheel.kubernetes.errors import Unreachable

NAME = "access"
# What kubectl says of a context that its configuration does not have.
WRONG_CONTEXT = re.compile(
    r"cannot locate context|context .*(does not exist|was not found)|no configuration has been"
)
WRONG_LOGIN = re.compile(r"Unauthorized|must be logged in|x509: ")


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
    if message == NO_CONTEXT or WRONG_CONTEXT.search(message):
        return "kubectl config get-contexts"
    if context.startswith(KIND_PREFIX):
        cluster = context.removeprefix(KIND_PREFIX)
        if WRONG_LOGIN.search(message):
            # That of an earlier cluster of the same name.
            return f"kind export kubeconfig --name {cluster}"
        return f"docker start {cluster}-control-plane"
    return f"kubectl --context {context} cluster-info" if context else "kubectl cluster-info"


CHECK = Check(NAME, "whether the API server responds to this person's kubectl", examine)
