"""Nodes that do not take pods."""

from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.pod_problems import problem_of
from cartwheel.doctor.cluster.view import ClusterView, condition_of
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity
from cartwheel.doctor.words import count
from cartwheel.kubernetes.api import Json

# What the scheduler says of a pod that waits.
CORDONED = "were unschedulable"
PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure")


def examine(view: ClusterView) -> Iterator[Outcome]:
    nodes = view.get("/api/v1/nodes")["items"]
    findings = [finding for node in nodes for finding in _wrong_with(view, node)]
    yield from findings
    if not findings:
        yield Healthy(f"{count(len(nodes), 'node')} Ready")


def _wrong_with(view: ClusterView, node: Json) -> Iterator[Finding]:
    name = node["metadata"]["name"]
    describe = view.kubectl(f"describe node {name}", "")
    ready = condition_of(node, "Ready")
    if ready.get("status") != "True":
        yield Finding(
            about=f"node/{name}",
            problem="it is not Ready: its pods are not counted on and get no others",
            evidence=f"condition Ready: {ready.get('reason')}: {ready.get('message')}",
            command=f"docker restart {name}" if view.kind_cluster else describe,
        )
    for pressure in PRESSURES:
        condition = condition_of(node, pressure)
        if condition.get("status") == "True":
            yield Finding(
                about=f"node/{name}",
                problem=f"it has {pressure}: pods are evicted and none are added",
                evidence=condition.get("message", pressure),
                command=describe,
            )
    if node["spec"].get("unschedulable"):
        yield Finding(
            about=f"node/{name}",
            problem="it is cordoned: no new pod starts on it",
            evidence="spec.unschedulable is true",
            command=view.kubectl(f"uncordon {name}", ""),
            # Else it shows with the next pod.
            severity=Severity.PROBLEM if _keeps_pods_out(view) else Severity.RISK,
        )


def _keeps_pods_out(view: ClusterView) -> bool:
    problems = (problem_of(view, pod) for pod in view.list("pods"))
    return any(each and CORDONED in each.message for each in problems)


CHECK = Check("nodes", "nodes that are not Ready, under pressure or cordoned", examine)
