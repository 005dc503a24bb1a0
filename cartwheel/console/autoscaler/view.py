"""What a page shows of an autoscaler."""

from typing import Any

from cartwheel.autoscaling.editing import EditError, fields_of
from cartwheel.autoscaling.manifests import Autoscaler, ManifestError
from cartwheel.autoscaling.pausing import is_paused
from cartwheel.autoscaling.scaled_object import RESOURCE_TRIGGERS, ScaledObject
from cartwheel.autoscaling.spec import TargetType
from cartwheel.local.autoscaling.announcements import describe_edit
from cartwheel.local.autoscaling.chosen import ChosenAutoscaler, autoscaler_of_text
from cartwheel.local.autoscaling.snapshot import Snapshot
from cartwheel.local.topology import MAX_REPLICAS


def view_of(snapshot: Snapshot) -> dict[str, Any]:
    """What is in force; a restart of the shop begins with ``original`` again.

    ``fields`` is None if they cannot be edited, and ``problem`` says why.
    """
    chosen = autoscaler_of_text(snapshot.manifest, [snapshot.service], source="the manifest")
    return {
        **_described(chosen),
        "original": snapshot.original,
        "is_original": snapshot.manifest == snapshot.original,
        "service": snapshot.service,
        "limits": {"replicas": MAX_REPLICAS},
    }


def preview(now: Snapshot, after: ChosenAutoscaler) -> dict[str, Any]:
    """What would be in force, and what that changes."""
    before = autoscaler_of_text(now.manifest, [now.service], source="the manifest").autoscaler
    return {**_described(after), "changes": describe_edit(before, after.autoscaler)}


def _described(chosen: ChosenAutoscaler) -> dict[str, Any]:
    autoscaler, manifest = chosen.autoscaler, chosen.manifest
    is_scaled_object = isinstance(autoscaler, ScaledObject)
    fields, problem = None, ""
    try:
        fields = fields_of(manifest)
    except (EditError, ManifestError) as error:
        problem = f"Its fields cannot be edited, only the manifest: {error}."
    return {
        "manifest": manifest,
        "kind": "scaledobject" if is_scaled_object else "hpa",
        "title": f"{'scaledobject' if is_scaled_object else 'hpa'}/{autoscaler.name}",
        "fields": fields,
        "problem": problem,
        "unit": _unit(chosen),
        "is_paused": is_paused(autoscaler),
    }


def _unit(chosen: ChosenAutoscaler) -> str:
    """That of the target of the first metric."""
    if _is_percent(chosen.autoscaler):
        return "%"
    return next(iter(chosen.units.values()), "")


def _is_percent(autoscaler: Autoscaler) -> bool:
    if isinstance(autoscaler, ScaledObject):
        trigger = autoscaler.triggers[0]
        is_resource = trigger.type in RESOURCE_TRIGGERS
        return is_resource and trigger.metric_type is TargetType.UTILIZATION
    return autoscaler.metrics[0].target.type is TargetType.UTILIZATION
