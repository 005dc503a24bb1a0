"""The options of the controller, from the arguments and the version of kube-controller-manager."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from cartwheel.autoscaling.spec import ControllerOptions
from cartwheel.errors import UsageError
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.times import parse_duration

_PREFIX = "--horizontal-pod-autoscaler-"
_FIELDS = {
    "sync-period": "sync_period",
    "tolerance": "tolerance",
    "downscale-stabilization": "downscale_stabilization",
    "cpu-initialization-period": "cpu_initialization_period",
    "initial-readiness-delay": "initial_readiness_delay",
}
_SCALE_TO_ZERO = re.compile(r"HPAScaleToZero=(?P<is_on>true|false)")
# From this minor version of Kubernetes 1 on, the gate HPAScaleToZero is on unless it is set.
SCALE_TO_ZERO_VERSION = 37


def options_of(arguments: Iterable[str], *, minor_version: int) -> ControllerOptions:
    """The options that are given; the others keep the defaults of that version."""
    given: dict[str, Any] = {"scale_to_zero": minor_version >= SCALE_TO_ZERO_VERSION}
    for argument in arguments:
        flag, _, value = argument.partition("=")
        name = _FIELDS.get(flag.removeprefix(_PREFIX)) if flag.startswith(_PREFIX) else None
        if name is not None:
            given[name] = float(value) if name == "tolerance" else parse_duration(value)
        elif flag == "--feature-gates" and (gate := _SCALE_TO_ZERO.search(value)):
            given["scale_to_zero"] = gate["is_on"] == "true"
    return ControllerOptions(**given)


def arguments_from(text: str) -> Sequence[str]:
    """The arguments that `sync-period=1s,tolerance=0.05` is short for. Raises `UsageError`."""
    for setting in text.split(","):
        name, _, value = setting.partition("=")
        if name not in _FIELDS or not re.fullmatch(r"[\d.]+|([\d.]+(ms|[smh]))+", value):
            raise UsageError(
                f"{setting}: write NAME=VALUE, with NAME one of {', '.join(_FIELDS)} and VALUE "
                "such as 15s or 0.1."
            )
    return [f"{_PREFIX}{setting}" for setting in text.split(",")]


def controller_arguments(pods: Sequence[Json]) -> Sequence[str] | None:
    """The arguments of a controller manager that runs as a pod; None if no pod is one."""
    for pod in pods:
        for container in pod["spec"]["containers"]:
            arguments = [*container.get("command", ()), *container.get("args", ())]
            if any("kube-controller-manager" in argument for argument in arguments):
                return arguments
    return None


def minor_version(version: Json) -> int:
    """35 of the response of `/version` for Kubernetes 1.35; clouds write `35+`."""
    return int(re.sub(r"\D", "", version["minor"]))
