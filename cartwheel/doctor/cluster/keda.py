"""KEDA, where a ScaledObject needs it."""

from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.backends import why_deployment_is_not_ready
from cartwheel.doctor.cluster.keda_installation import (
    KEDA,
    PART_OF,
    keda_deployments,
    keda_namespace,
)
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity
from cartwheel.kubernetes.api import Json

OPERATOR = "operator"
ADMISSION = "admission"
# What stops without each, by a part of its name. That of the operator is in others, too.
USES = {
    ADMISSION: "ScaledObjects cannot be created or changed",
    "metrics-apiserver": "autoscalers get no external metrics",
    OPERATOR: "ScaledObjects are not acted on, and no metric of theirs is read",
}


def examine(view: ClusterView) -> Iterator[Outcome]:
    if not view.list("scaledobjects"):
        return
    namespace = keda_namespace(view)
    deployments = keda_deployments(view, namespace) if namespace else []
    findings = [
        _not_running(view, each, namespace)
        for each in deployments
        if namespace and not (each.get("status") or {}).get("availableReplicas")
    ]
    if not any(_role(each) == OPERATOR for each in deployments):
        findings.append(_missing(view, namespace))
    yield from findings
    if not findings:
        yield Healthy("KEDA runs")


def _role(deployment: Json) -> str | None:
    return next((role for role in USES if role in deployment["metadata"]["name"]), None)


def _not_running(view: ClusterView, deployment: Json, namespace: str) -> Finding:
    role = _role(deployment)
    cause = why_deployment_is_not_ready(view, deployment, namespace)
    return Finding(
        about=f"deployment/{deployment['metadata']['name']} in {namespace}",
        problem=f"it does not run: {USES[role]}" if role else "it does not run",
        evidence=cause.evidence,
        command=cause.command,
        severity=Severity.PROBLEM if role not in (None, ADMISSION) else Severity.RISK,
    )


def _missing(view: ClusterView, namespace: str | None) -> Finding:
    return Finding(
        about="KEDA",
        problem=f"its operator is not installed: {USES[OPERATOR]}",
        evidence="there are ScaledObjects and no deployment of the operator "
        + (f"in {namespace}" if namespace else "in any namespace"),
        command=view.kubectl(f"get deployments -A -l {PART_OF}={KEDA}", ""),
    )


CHECK = Check("keda", "the deployments of KEDA, where ScaledObjects need them", examine)
