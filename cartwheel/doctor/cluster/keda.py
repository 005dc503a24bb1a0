"""KEDA, where a ScaledObject needs it."""

from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.backends import why_deployment_is_not_ready
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity

NAMESPACE = "keda"
OPERATOR = "keda-operator"
# What stops without each.
USES = {
    OPERATOR: "ScaledObjects are not acted on, and no metric of theirs is read",
    "keda-metrics-apiserver": "autoscalers get no external metrics",
    "keda-admission": "ScaledObjects cannot be created or changed",
}


def examine(view: ClusterView) -> Iterator[Outcome]:
    if not view.list("scaledobjects"):
        return
    deployments = {each["metadata"]["name"]: each for each in view.list("deployments", NAMESPACE)}
    findings = []
    for name, use in USES.items():
        found = next((each for each in deployments if each.startswith(name)), None)
        if found is None and name == OPERATOR:
            findings.append(_missing(view, use))
        elif found and not deployments[found]["status"].get("availableReplicas"):
            cause = why_deployment_is_not_ready(view, deployments[found], NAMESPACE)
            findings.append(
                Finding(
                    about=f"deployment/{found} in {NAMESPACE}",
                    problem=f"it does not run: {use}",
                    evidence=cause.evidence,
                    command=cause.command,
                    severity=Severity.RISK if name == "keda-admission" else Severity.PROBLEM,
                )
            )
    yield from findings
    if not findings:
        yield Healthy("KEDA runs")


def _missing(view: ClusterView, use: str) -> Finding:
    return Finding(
        about="KEDA",
        problem=f"its operator is not installed: {use}",
        evidence=f"there are ScaledObjects and no deployment {OPERATOR} in {NAMESPACE}",
        command=view.kubectl("get deployments -A -l app.kubernetes.io/part-of=keda-operator", ""),
    )


CHECK = Check("keda", "the deployments of KEDA, where ScaledObjects need them", examine)
