"""Explains the autoscalers of a cluster that kubectl can reach."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cartwheel.explain.cluster_explainer import ClusterExplainer
from cartwheel.explain.explanation import Explanation
from cartwheel.kubernetes.cluster import Cluster
from cartwheel.kubernetes.controller_options import arguments_from


@dataclass(frozen=True)
class ClusterQuestion:
    """What to explain: ``target`` as kubectl names it (`hpa/cart`), or all of the namespace.

    Without a namespace or a context those of kubectl's configuration count. ``controller`` are
    options of the controller, `sync-period=1s,tolerance=0.05`.
    """

    target: str | None
    namespace: str | None = None
    context: str | None = None
    controller: str | None = None


def cluster_explainer(question: ClusterQuestion) -> Callable[[], Sequence[Explanation]]:
    """Explains as often as it is called, and remembers what it saw. Raises `CommandError`."""
    arguments = arguments_from(question.controller) if question.controller else None
    cluster = Cluster(question.context)
    # Without a context kubectl asks whatever listens on localhost:8080.
    context = cluster.context_name
    namespace = question.namespace or cluster.namespace
    explainer = ClusterExplainer(
        cluster,
        namespace,
        source=f"namespace {namespace} of {context}",
        arguments=arguments,
    )
    return lambda: explainer.explain(question.target)
