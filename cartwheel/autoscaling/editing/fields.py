"""The settings that people change most, as fields: read from a manifest and written into it.

Names are those of `cartwheel.autoscaling.spec`; a target is a number as people write it, 60 for
60 % and 20 for the threshold "20".
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from cartwheel.autoscaling.editing.document import Document, EditError
from cartwheel.autoscaling.editing.places import (
    SCALE_DOWN,
    SCALE_UP,
    Places,
    named,
    places_of,
    starts_with,
)
from cartwheel.autoscaling.editing.text_edits import Path
from cartwheel.autoscaling.manifests import Autoscaler, ManifestError, read_autoscaler_text
from cartwheel.autoscaling.scaled_object import RESOURCE_TRIGGERS, ScaledObject
from cartwheel.autoscaling.spec import ScalingRules, TargetType

Fields = Mapping[str, Any]

SOURCE = "the manifest"
MAX_TARGET = 10**9
_RULES = {"scale_up": SCALE_UP, "scale_down": SCALE_DOWN}
_NAMES = ("target", "min", "max", *_RULES)
_SETTINGS = {
    "stabilization_window_seconds": "stabilizationWindowSeconds",
    "select_policy": "selectPolicy",
    "tolerance": "tolerance",
    "policies": "policies",
}
_POLICY = {"type": "type", "value": "value", "period_seconds": "periodSeconds"}


class FieldError(Exception):
    """A field cannot have this value; ``field`` is as `scale_up.policies.0.value`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def fields_of(manifest: str) -> dict[str, Any]:
    """The fields; rules that the manifest does not have are None.

    Raises `ManifestError`, `EditError`.
    """
    autoscaler = read_one(manifest)
    document = Document(manifest)
    places = places_of(document)
    return {
        "target": _target_of(autoscaler),
        "min": autoscaler.min_replicas,
        "max": autoscaler.max_replicas,
        **{name: _rules_of(autoscaler, document, places, name) for name in _RULES},
    }


def with_fields(manifest: str, fields: Fields) -> str:
    """The manifest with these fields changed; others stay, and null removes one.

    Raises `FieldError`, `ManifestError`, `EditError`.
    """
    _check_names("", fields, _NAMES)
    before = fields_of(manifest)
    document = Document(manifest)
    places = places_of(document)
    for name, value in fields.items():
        if value == before[name]:
            continue
        if name in _RULES:
            document = _with_rules(document, places, name, value, before[name])
        elif name == "target":
            document = _with_target(document, places, value)
        else:
            path = places.minimum if name == "min" else places.maximum
            document = document.set(path, _whole_number(name, value))
    try:
        read_one(document.text)
    except ManifestError as error:
        raise _field_error(error, places) from None
    return document.text


def read_one(manifest: str) -> Autoscaler:
    """The only autoscaler of this text. Raises `ManifestError`, `EditError`."""
    found = read_autoscaler_text(manifest, source=SOURCE)
    if len(found) != 1:
        raise EditError(f"it has {len(found)} autoscalers instead of one")
    return found[0]


def _target_of(autoscaler: Autoscaler) -> float:
    if isinstance(autoscaler, ScaledObject):
        trigger = autoscaler.triggers[0]
        is_percent = (
            trigger.type in RESOURCE_TRIGGERS and trigger.metric_type is TargetType.UTILIZATION
        )
        value = trigger.threshold
    else:
        target = autoscaler.metrics[0].target
        is_percent, value = target.type is TargetType.UTILIZATION, target.value
    return _plain(value if is_percent else value / 1000)


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number


def _rules_of(
    autoscaler: Autoscaler, document: Document, places: Places, name: str
) -> dict[str, Any] | None:
    behavior = autoscaler.behavior
    if behavior is None or places.behavior is None:
        return None
    if document.get((*places.behavior, _RULES[name])) is None:
        return None
    rules: ScalingRules = getattr(behavior, name)
    return {
        "stabilization_window_seconds": rules.stabilization_window_seconds,
        "select_policy": rules.select_policy.value,
        "tolerance": rules.tolerance,
        "policies": [
            {"type": one.type.value, "value": one.value, "period_seconds": one.period_seconds}
            for one in rules.policies
        ],
    }


def _with_target(document: Document, places: Places, value: object) -> Document:
    number = _number("target", value)
    if not 0 < number <= MAX_TARGET:
        raise FieldError("target", f"must be above 0 and at most {MAX_TARGET:,}, but is {value}")
    if places.target is None:
        raise FieldError("target", "cannot be set here: the first metric has none in the manifest")
    return document.set(places.target, _like(document.get(places.target), _plain(number), places))


def _like(before: object, number: float, places: Places) -> str | int | float:
    """The number as it was written before, as a text or not; the metadata of triggers are texts."""
    is_text = isinstance(before, str) or "metadata" in (places.target or ())
    return f"{number:.12g}" if is_text else number


def _with_rules(
    document: Document, places: Places, name: str, value: object, before: Fields | None
) -> Document:
    if places.behavior is None:
        raise FieldError(name, "autoscaling/v1 has no behavior: write autoscaling/v2")
    path = (*places.behavior, _RULES[name])
    if value is None:
        document = document.remove(path)
        is_empty = document.get(places.behavior) == {}
        return document.remove(places.behavior) if is_empty else document
    if not isinstance(value, Mapping):
        raise FieldError(name, "must be an object, or null for none")
    _check_names(f"{name}.", value, _SETTINGS)
    for setting, written in _SETTINGS.items():
        if setting in value and value[setting] != (before or {}).get(setting):
            place = (*path, written)
            document = _with_setting(document, place, f"{name}.{setting}", value[setting])
    return document


def _with_setting(document: Document, place: Path, field: str, value: object) -> Document:
    if value is None:
        return document.remove(place)
    match place[-1]:
        case "policies":
            return _with_policies(document, place, field, value)
        case "selectPolicy":
            return document.set(place, _text(field, value))
        case "stabilizationWindowSeconds":
            return document.set(place, _whole_number(field, value))
    number = _plain(_number(field, value))
    is_text = isinstance(document.get(place), str)
    return document.set(place, f"{number:.12g}" if is_text else number)


def _with_policies(document: Document, place: Path, field: str, value: object) -> Document:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise FieldError(field, "must be a list of policies, or null for the default")
    policies = [_policy(f"{field}.{index}", one) for index, one in enumerate(value)]
    before = document.get(place)
    if not isinstance(before, list) or not before or not policies:
        return document.remove(place).set(place, policies)
    for index, policy in enumerate(policies[: len(before)]):
        for name, one in policy.items():
            document = document.set((*place, index, name), one)
    for index, policy in enumerate(policies[len(before) :], len(before)):
        document = document.set((*place, index), policy)
    for index in range(len(before) - 1, len(policies) - 1, -1):
        document = document.remove((*place, index))
    return document


def _policy(field: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise FieldError(field, "must be an object with type, value and period_seconds")
    _check_names(f"{field}.", value, _POLICY)
    for name in _POLICY:
        if name not in value:
            raise FieldError(f"{field}.{name}", "missing")
    return {
        "type": _text(f"{field}.type", value["type"]),
        "value": _whole_number(f"{field}.value", value["value"]),
        "periodSeconds": _whole_number(f"{field}.period_seconds", value["period_seconds"]),
    }


def _check_names(prefix: str, fields: Fields, known: Sequence[str] | Mapping[str, str]) -> None:
    for name in fields:
        if name not in known:
            raise FieldError(f"{prefix}{name}", f"unknown field; there are {', '.join(known)}")


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise FieldError(field, "must be a text")
    return value


def _number(field: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise FieldError(field, "must be a number")
    return value


def _whole_number(field: str, value: object) -> int:
    number = _number(field, value)
    if number != int(number):
        raise FieldError(field, f"must be a whole number, but is {value}")
    return int(number)


def _field_error(error: ManifestError, places: Places) -> FieldError | ManifestError:
    """The first problem by the name of its field, if it is one of them."""
    problem = error.problems[0]
    for field, path in (
        ("min", places.minimum),
        ("max", places.maximum),
        ("target", places.target),
    ):
        if path is not None and starts_with(problem.path, path):
            return FieldError(field, problem.message)
    for field, direction in _RULES.items():
        if places.behavior and starts_with(problem.path, (*places.behavior, direction)):
            rest = problem.path.removeprefix(named((*places.behavior, direction)))
            return FieldError(f"{field}{_as_fields(rest)}", problem.message)
    return error


def _as_fields(path: str) -> str:
    """`.policies[0].periodSeconds` as `.policies.0.period_seconds`."""
    found = path.replace("[", ".").replace("]", "")
    for ours, written in {**_SETTINGS, **_POLICY}.items():
        found = found.replace(f".{written}", f".{ours}")
    return found
