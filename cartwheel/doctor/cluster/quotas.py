"""Workloads whose pods the cluster refuses to create."""

from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.view import ClusterView, condition_of
from cartwheel.doctor.finding import Finding, Outcome


def examine(view: ClusterView) -> Iterator[Outcome]:
    for deployment in view.list("deployments"):
        failure = condition_of(deployment, "ReplicaFailure")
        if failure.get("status") == "True":
            message = failure.get("message", "")
            yield Finding(
                about=f"deployment/{deployment['metadata']['name']}",
                problem="the cluster refuses to create its pods",
                evidence=message,
                command=view.kubectl("describe resourcequota,limitrange")
                if "quota" in message or "limit" in message
                else view.kubectl(f"describe deployment {deployment['metadata']['name']}"),
            )


CHECK = Check("quotas", "pods that a quota or an admission rule refuses", examine)
