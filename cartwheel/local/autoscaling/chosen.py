"""The autoscaler that the settings choose, read from the manifests that the cluster uses."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from cartwheel.autoscaling.errors import UnsupportedError
from cartwheel.autoscaling.keda import generated_autoscaler, metric_name
from cartwheel.autoscaling.manifests import (
    Autoscaler,
    ManifestError,
    own_document,
    read_autoscaler_text,
    read_manifest_file,
)
from cartwheel.autoscaling.quantities import parse_quantity
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.errors import UsageError
from cartwheel.invocation import display_path
from cartwheel.local.autoscaling.measurements import MetricSource, metrics_of
from cartwheel.local.autoscaling.observations import Requests
from cartwheel.local.autoscaling.query_metric import QueryMetric
from cartwheel.local.child_processes import PROJECT
from cartwheel.local.topology import MAX_REPLICAS

MANIFESTS = PROJECT / "manifests"
FILES: Mapping[str, Path] = {
    "cpu": MANIFESTS / "components/autoscaling-cpu/hpa.yaml",
    "requests": MANIFESTS / "components/autoscaling-requests/scaledobject.yaml",
}
OFF = "off"
MAX_MANIFEST_SIZE = 32 * 1024  # characters


@dataclass(frozen=True)
class ChosenAutoscaler:
    """``metrics`` are as `Measurements` takes them, ``requests`` those of each pod it scales.

    ``manifest`` is the YAML of ``autoscaler``, without other documents of its file.
    """

    manifest: str
    autoscaler: Autoscaler
    metrics: Sequence[MetricSource]
    requests: Requests

    @property
    def units(self) -> Mapping[str, str]:
        """Words such as ``requests/s``, by the name of a metric."""
        if not isinstance(self.autoscaler, ScaledObject):
            return {}
        pairs = zip(self.autoscaler.triggers, self.metrics, strict=True)
        return {
            metric_name(index, trigger): source.unit
            for index, (trigger, source) in enumerate(pairs)
            if isinstance(source, QueryMetric) and source.unit
        }

    @property
    def service(self) -> str:
        return self.autoscaler.target.name


def choose_autoscaler(autoscale: str, services: Collection[str]) -> ChosenAutoscaler | None:
    """The autoscaler of this setting, which scales one of these services; None if it is off.

    Raises `UsageError`.
    """
    if autoscale == OFF:
        return None
    file = FILES.get(autoscale, Path(autoscale))
    try:
        text = read_manifest_file(file)
    except ManifestError as error:
        raise UsageError(str(error)) from None
    return autoscaler_of_text(text, services, source=display_path(file))


def autoscaler_of_text(
    manifest: str, services: Collection[str], *, source: str
) -> ChosenAutoscaler:
    """The autoscaler of a manifest, which scales one of these services; ``source`` names the text.

    Raises `UsageError`.
    """
    try:
        return _supported(manifest, read_autoscaler_text(manifest, source=source), services)
    except ManifestError as error:
        raise UsageError(str(error)) from None
    except (UsageError, UnsupportedError) as error:
        raise UsageError(f"{source}: {error}") from None


def _supported(
    manifest: str, found: Sequence[Autoscaler], services: Collection[str]
) -> ChosenAutoscaler:
    """The only autoscaler of a file, if the local run can do what it asks for.

    Raises `UsageError`, `UnsupportedError`.
    """
    if len(found) != 1:
        raise UsageError(f"it has {len(found)} autoscalers; the local run takes one.")
    manifest = own_document(manifest)
    if len(manifest) > MAX_MANIFEST_SIZE:
        raise UsageError(
            f"it has {len(manifest):,} characters; the local run takes {MAX_MANIFEST_SIZE:,}."
        )
    autoscaler = found[0]
    if isinstance(autoscaler, ScaledObject):
        generated_autoscaler(autoscaler)
    service = autoscaler.target.name
    if service not in services:
        raise UsageError(f"it scales {service}; the services are {', '.join(services)}.")
    if autoscaler.max_replicas > MAX_REPLICAS:
        raise UsageError(
            f"it asks for up to {autoscaler.max_replicas} replicas; the local run has at most "
            f"{MAX_REPLICAS}."
        )
    return ChosenAutoscaler(manifest, autoscaler, metrics_of(autoscaler), _requests_of(service))


def _requests_of(service: str) -> Requests:
    """The requests of the containers of a service's Deployment. Raises `UsageError`."""
    file = MANIFESTS / "base" / service / "deployment.yaml"
    try:
        pod = yaml.safe_load(file.read_text())["spec"]["template"]["spec"]
        return {
            container["name"]: {
                resource: parse_quantity(str(quantity))
                for resource, quantity in container["resources"]["requests"].items()
            }
            for container in pod["containers"]
        }
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError) as error:
        raise UsageError(
            f"The requests of {service} cannot be read from {display_path(file)}: {error}"
        ) from None
