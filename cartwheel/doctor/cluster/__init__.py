"""Checks of one namespace of a cluster, and of what it depends on.

`CHECKS` is in the order of the chain from the machine to the autoscaler's decision: what an
earlier check finds may explain what a later one finds.
"""

from collections.abc import Sequence

from cartwheel.doctor.check import Check, Examination, examine
from cartwheel.doctor.cluster import (
    access,
    applied_replicas,
    chain,
    conditions,
    cpu_limits,
    deletions,
    dns,
    fallbacks,
    images,
    keda,
    kind,
    metric_apis,
    metrics_server,
    namespace,
    nodes,
    pauses,
    pods,
    prometheus,
    quotas,
    requests,
    targets,
)
from cartwheel.doctor.cluster.view import ClusterView

FIRST: Sequence[Check[ClusterView]] = (kind.CHECK, access.CHECK, namespace.CHECK)
# Without these there is nothing to look at.
NEEDED = (access.NAME, namespace.NAME)
CHECKS: Sequence[Check[ClusterView]] = (
    *FIRST,
    nodes.CHECK,
    dns.CHECK,
    metrics_server.CHECK,
    keda.CHECK,
    metric_apis.CHECK,
    deletions.CHECK,
    quotas.CHECK,
    images.CHECK,
    pods.CHECK,
    targets.MISSING,
    targets.SHARED,
    pauses.CHECK,
    requests.CHECK,
    prometheus.CHECK,
    chain.CHECK,
    conditions.CHECK,
    applied_replicas.CHECK,
    fallbacks.CHECK,
    cpu_limits.CHECK,
    kind.LIMITS,
)


def examine_cluster(view: ClusterView) -> Sequence[Examination]:
    """Run all checks; only the first ones without a response or without the namespace."""
    first: list[Examination] = []
    for check in FIRST:
        first += examine([check], view)
        if check.name in NEEDED and first[-1].findings:
            return first
    view.prefetch()
    return [*first, *examine(CHECKS[len(FIRST) :], view)]
