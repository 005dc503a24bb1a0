"""KEDA, where a ScaledObject needs it."""

from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.backends import why_deployment_is_not_ready
from cartwheel.doctor.cluster.keda_installation import (
    ADMISSION,
    KEDA,
    METRICS_SERVER,
    OPERATOR,
    PART_OF,
    keda_deployments,
    keda_namespace,
)
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity
from cartwheel.kubernetes.api import Json

# The parts, by what their names contain. "operator" may be in the names of the others, too.
PARTS = {"admission": ADMISSION, "metrics-apiserver": METRICS_SERVER, "operator": OPERATOR}
# What stops without each.
USES = {
    ADMISSION: "ScaledObjects cannot be created or changed",
    METRICS_SERVER: "autoscalers get no external metrics",
    OPERATOR: "ScaledObjects are not acted on, and no metric of theirs is read",
}


def examine(view: ClusterView) -> Iterator[Outcome]:
    if not view.list("scaledobjects"):
        return
    namespace = keda_namespace(view)
    deployments = keda_deployments(view, namespace) if namespace else []
    parts = {part: each for each in deployments if (part := _part(each))}
    findings = [
        _not_running(view, part, each)
        for part, each in parts.items()
        if not (each.get("status") or {}).get("availableReplicas")
    ]
    if OPERATOR not in parts:
        findings.append(_missing(view, namespace))
    yield from findings
    if not findings:
        yield Healthy("KEDA runs")


def _part(deployment: Json) -> str | None:
    name = deployment["metadata"]["name"]
    return next((part for word, part in PARTS.items() if word in name), None)


def _not_running(view: ClusterView, part: str, deployment: Json) -> Finding:
    cause = why_deployment_is_not_ready(view, deployment, deployment["metadata"]["namespace"])
    return Finding(
        about=part,
        problem=f"it does not run: {USES[part]}",
        evidence=cause.evidence,
        command=cause.command,
        severity=Severity.RISK if part == ADMISSION else Severity.PROBLEM,
    )


def _missing(view: ClusterView, namespace: str | None) -> Finding:
    return Finding(
        about=OPERATOR,
        problem=f"it is not installed: {USES[OPERATOR]}",
        evidence="there are ScaledObjects and no deployment of it "
        + (f"in {namespace}" if namespace else "in any namespace"),
        command=view.kubectl(f"get deployments -A -l {PART_OF}={KEDA}", ""),
    )


CHECK = Check("keda", "the deployments of KEDA, where ScaledObjects need them", examine)
