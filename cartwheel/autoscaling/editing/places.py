"""Where in a manifest the settings of an autoscaler stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cartwheel.autoscaling.editing.document import Document, EditError
from cartwheel.autoscaling.editing.text_edits import Path
from cartwheel.autoscaling.manifests.triggers import target_field

ANNOTATIONS = ("metadata", "annotations")
SCALE_UP, SCALE_DOWN = "scaleUp", "scaleDown"
DIRECTIONS = (SCALE_UP, SCALE_DOWN)
_SOURCES = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}
_TARGETS = {
    "Utilization": "averageUtilization",
    "AverageValue": "averageValue",
    "Value": "value",
}


@dataclass(frozen=True)
class Places:
    """``target`` is that of the first metric; None if it has no number of its own.

    autoscaling/v1 has no ``behavior``.
    """

    minimum: Path
    maximum: Path
    target: Path | None
    behavior: Path | None


def places_of(document: Document) -> Places:
    """Raises `EditError` for another kind of object."""
    match document.data:
        case {"kind": "ScaledObject"}:
            return Places(
                ("spec", "minReplicaCount"),
                ("spec", "maxReplicaCount"),
                _target_of_trigger(document),
                ("spec", "advanced", "horizontalPodAutoscalerConfig", "behavior"),
            )
        case {"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v1"}:
            return _places_of_hpa(("spec", "targetCPUUtilizationPercentage"), None)
        case {"kind": "HorizontalPodAutoscaler"}:
            return _places_of_hpa(_target_of_metric(document), ("spec", "behavior"))
    raise EditError("it is neither a HorizontalPodAutoscaler nor a ScaledObject by itself")


def _places_of_hpa(target: Path | None, behavior: Path | None) -> Places:
    return Places(("spec", "minReplicas"), ("spec", "maxReplicas"), target, behavior)


def _target_of_metric(document: Document) -> Path | None:
    metric = document.get(("spec", "metrics", 0))
    if not isinstance(metric, Mapping):
        return None
    path = ("spec", "metrics", 0, _SOURCES.get(str(metric.get("type")), ""), "target")
    name = _TARGETS.get(str(document.get((*path, "type"))))
    return (*path, name) if name else None


def _target_of_trigger(document: Document) -> Path | None:
    name = target_field(str(document.get(("spec", "triggers", 0, "type"))))
    return ("spec", "triggers", 0, "metadata", name) if name else None


def named(path: Path) -> str:
    """As a problem of a manifest names it: `spec.metrics[0].type`."""
    found = ""
    for step in path:
        found += f"[{step}]" if isinstance(step, int) else f".{step}"
    return found.removeprefix(".")


def starts_with(path: str, start: Sequence[str | int]) -> bool:
    """Whether a problem at that path is about what stands at ``start`` or in it."""
    name = named(start)
    return path == name or path.startswith((f"{name}.", f"{name}["))
