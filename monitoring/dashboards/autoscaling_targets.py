"""The autoscalers' targets, read from the manifests, so that panels draw what is deployed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

MANIFESTS = Path(__file__).parents[2] / "manifests"
DEPLOYMENT = MANIFESTS / "base" / "cart" / "deployment.yaml"
HPA = MANIFESTS / "components" / "autoscaling-cpu" / "hpa.yaml"
SCALED_OBJECT = MANIFESTS / "components" / "autoscaling-requests" / "scaledobject.yaml"


class AutoscalingTargets(NamedTuple):
    """Of the cart. Both autoscalers use one HPA of that name: KEDA takes over the other's."""

    hpa_name: str
    cpu_request: float
    """Cores."""
    cpu_utilization: float
    """A share of the CPU request."""
    requests_per_replica: float
    """A second."""


def read_targets() -> AutoscalingTargets:
    """Read the manifests of the cart."""
    (container,) = _read(DEPLOYMENT)["spec"]["template"]["spec"]["containers"]
    hpa = _read(HPA)
    (metric,) = hpa["spec"]["metrics"]
    (trigger,) = _read(SCALED_OBJECT)["spec"]["triggers"]
    return AutoscalingTargets(
        hpa_name=hpa["metadata"]["name"],
        cpu_request=_cores(container["resources"]["requests"]["cpu"]),
        cpu_utilization=metric["containerResource"]["target"]["averageUtilization"] / 100,
        requests_per_replica=float(trigger["metadata"]["threshold"]),
    )


def _read(file: Path) -> Mapping[str, Any]:
    content: Mapping[str, Any] = yaml.safe_load(file.read_text())
    return content


def _cores(quantity: str | int) -> float:
    """A Kubernetes quantity of CPU: 50m, 0.05 or 1."""
    text = str(quantity)
    return int(text[:-1]) / 1000 if text.endswith("m") else float(text)
