"""`replicas` in what is applied: each deployment resets what the autoscaler decided."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import Target, autoscalers, target_of, workload
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity
from cartwheel.kubernetes.api import Json

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def examine(view: ClusterView) -> Iterator[Outcome]:
    targets = {target_of(each): None for each in autoscalers(view)}
    findings = [
        finding
        for target in targets
        if (found := workload(view, target))
        for look in (_in_annotation, _in_managed_fields)
        for finding in look(view, target, found)
    ]
    yield from findings
    if targets and not findings:
        yield Healthy("no manifest that was applied sets replicas")


def _in_annotation(view: ClusterView, target: Target, found: Json) -> Iterator[Finding]:
    text = (found["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    applied = json.loads(text) if text else {}
    replicas = (applied.get("spec") or {}).get("replicas")
    if replicas is None:
        return
    view_applied = view.kubectl(f"apply view-last-applied {target.name} --output json")
    set_applied = view.kubectl("apply set-last-applied --filename -")
    yield Finding(
        about=target.name,
        problem=f"each `kubectl apply` sets it to {replicas} replicas, whatever the load",
        evidence="spec.replicas is in the last applied configuration. Take it out of the last "
        "applied object first, then out of the manifest: otherwise the next apply resets it once",
        command=f"{view_applied} | jq 'del(.spec.replicas)' | {set_applied}",
        severity=Severity.RISK,
    )


def _in_managed_fields(view: ClusterView, target: Target, found: Json) -> Iterator[Finding]:
    """A manager that applies on the server owns the field, and is shown by its name."""
    for entry in found["metadata"].get("managedFields") or []:
        fields: Mapping[str, Any] = (entry.get("fieldsV1") or {}).get("f:spec") or {}
        if entry.get("operation") == "Apply" and "f:replicas" in fields:
            yield Finding(
                about=target.name,
                problem=f"{entry['manager']} sets its replicas with each apply",
                evidence="it owns spec.replicas (server-side apply)",
                command=view.kubectl(f"get {target.name} --show-managed-fields --output yaml"),
                severity=Severity.RISK,
            )


CHECK = Check(
    "applied-replicas", "`replicas` in the last applied object of what is scaled", examine
)
