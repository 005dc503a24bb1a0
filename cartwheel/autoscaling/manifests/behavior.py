"""`behavior` of an HPA, which a ScaledObject repeats.

Source of the defaults and the bounds: `pkg/apis/autoscaling/v2/defaults.go` and
`pkg/apis/autoscaling/validation/validation.go` in kubernetes.
"""

from dataclasses import replace

from cartwheel.autoscaling.manifests.fields import Fields
from cartwheel.autoscaling.spec import (
    DEFAULT_SCALE_DOWN,
    DEFAULT_SCALE_UP,
    Behavior,
    PolicyType,
    ScalingPolicy,
    ScalingRules,
    SelectPolicy,
)

MAX_STABILIZATION_WINDOW = 3600
MAX_PERIOD = 1800


def read_behavior(parent: Fields) -> Behavior | None:
    """None without the field: then other rules apply than with an empty one."""
    fields = parent.optional_mapping("behavior")
    if fields is None:
        return None
    with fields:
        return Behavior(
            _read_rules(fields, "scaleUp", DEFAULT_SCALE_UP),
            _read_rules(fields, "scaleDown", DEFAULT_SCALE_DOWN),
        )


def _read_rules(parent: Fields, name: str, default: ScalingRules) -> ScalingRules:
    fields = parent.optional_mapping(name)
    if fields is None:
        return default
    with fields:
        window = fields.optional_integer(
            "stabilizationWindowSeconds", maximum=MAX_STABILIZATION_WINDOW
        )
        rules = replace(
            default,
            select_policy=fields.choice("selectPolicy", SelectPolicy, SelectPolicy.MAX),
            tolerance=fields.share("tolerance"),
        )
        if window is not None:
            rules = replace(rules, stabilization_window_seconds=window)
        if not fields.has("policies"):
            return rules
        policies = tuple(_read_policy(one) for one in fields.items("policies"))
        if not policies and not fields.is_wrong("policies"):
            fields.report("must have at least one policy", "policies")
        return replace(rules, policies=policies)


def _read_policy(fields: Fields) -> ScalingPolicy:
    with fields:
        return ScalingPolicy(
            fields.choice("type", PolicyType),
            fields.integer("value", minimum=1),
            fields.integer("periodSeconds", minimum=1, maximum=MAX_PERIOD),
        )
