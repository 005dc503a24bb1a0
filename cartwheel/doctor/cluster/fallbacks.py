"""KEDA's fallback: `static`, the default, may scale down at the peak."""

from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity

DEFAULT_MAX = 100
PATCH = (
    "patch {name} --type merge --patch "
    '\'{{"spec": {{"fallback": {{"behavior": "currentReplicasIfHigher"}}}}}}\''
)


def examine(view: ClusterView) -> Iterator[Outcome]:
    found = False
    for each in view.list("scaledobjects"):
        fallback = each["spec"].get("fallback")
        maximum = each["spec"].get("maxReplicaCount", DEFAULT_MAX)
        if not fallback or fallback.get("behavior", "static") != "static":
            continue
        if fallback["replicas"] < maximum:
            found = True
            name = f"scaledobject/{each['metadata']['name']}"
            yield Finding(
                about=name,
                problem=f"an outage of its metric at the peak takes it from up to {maximum} "
                f"replicas to {fallback['replicas']}",
                evidence="its fallback has behavior static"
                if "behavior" in fallback
                else "its fallback has no behavior, and the default is static",
                command=view.kubectl(PATCH.format(name=name)),
                severity=Severity.RISK,
            )
    if view.list("scaledobjects") and not found:
        yield Healthy("fallbacks keep what runs")


CHECK = Check("fallbacks", "a fallback of KEDA that is `static`, the default", examine)
