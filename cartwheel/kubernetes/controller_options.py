"""The options of the controller, from the arguments and the version of kube-controller-manager."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
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
# Shorter ones make explaining slow: it computes one sync after the other.
MIN_SYNC_PERIOD = 0.1
# From this minor version of Kubernetes 1 on, the gate HPAScaleToZero is on unless it is set.
SCALE_TO_ZERO_VERSION = 37


def options_of(arguments: Iterable[str], *, minor_version: int) -> ControllerOptions:
    """The options that are given; the others keep the defaults of that version.

    Raises `UsageError` for a value that the controller would not accept.
    """
    given: dict[str, Any] = {"scale_to_zero": minor_version >= SCALE_TO_ZERO_VERSION}
    for flag, value in _flags(arguments):
        name = flag.removeprefix(_PREFIX) if flag.startswith(_PREFIX) else ""
        if name in _FIELDS:
            given[_FIELDS[name]] = _value_of(name, value)
        elif flag == "--feature-gates" and (gate := _SCALE_TO_ZERO.search(value)):
            given["scale_to_zero"] = gate["is_on"] == "true"
    return ControllerOptions(**given)


def arguments_from(text: str) -> Sequence[str]:
    """The arguments that `sync-period=1s,tolerance=0.05` is short for. Raises `UsageError`."""
    for setting in text.split(","):
        name, _, value = setting.partition("=")
        if name not in _FIELDS:
            raise UsageError(
                f"{setting}: write NAME=VALUE, with NAME one of {', '.join(_FIELDS)} and VALUE "
                "such as 15s or 0.1."
            )
        _value_of(name, value)
    return [f"{_PREFIX}{setting}" for setting in text.split(",")]


def _flags(arguments: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each flag with its value, written as `--flag=value` or as two arguments."""
    words = list(arguments)
    for argument, following in zip_longest(words, words[1:], fillvalue=""):
        flag, equals, value = argument.partition("=")
        yield flag, value if equals else following


def _value_of(name: str, text: str) -> float:
    is_tolerance = name == "tolerance"
    try:
        value = float(text) if is_tolerance else parse_duration(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        wanted = "a number such as 0.1" if is_tolerance else "a duration such as 15s or 1m30s"
        raise UsageError(f"{name}={text}: must be {wanted}.")
    if name == "sync-period" and value < MIN_SYNC_PERIOD:
        raise UsageError(f"{name}={text}: must be at least {MIN_SYNC_PERIOD:g}s.")
    return value


def controller_arguments(pods: Sequence[Json]) -> Sequence[str] | None:
    """The arguments of a controller manager that runs as a pod; None if no pod is one."""
    for pod in pods:
        for container in pod["spec"]["containers"]:
            arguments = [*container.get("command", ()), *container.get("args", ())]
            if any("kube-controller-manager" in argument for argument in arguments):
                return arguments
    return None


def minor_version(version: Json) -> int:
    """35 of the response of `/version` for Kubernetes 1.35; clouds write `35+`. 0: not known."""
    digits = re.findall(r"^[0-9]+", version.get("minor") or "")
    return int(digits[0]) if digits else 0
