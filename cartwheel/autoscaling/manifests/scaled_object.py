"""A KEDA ScaledObject manifest, `keda.sh/v1alpha1`.

Source: https://keda.sh/docs/latest/reference/scaledobject-spec/ and the checks of KEDA's webhook
(`apis/keda/v1alpha1/scaledobject_types.go`, `scaledobject_webhook.go`).
"""

from cartwheel.autoscaling.manifests.behavior import read_behavior
from cartwheel.autoscaling.manifests.fields import Fields
from cartwheel.autoscaling.manifests.metadata import Metadata, read_metadata, read_name
from cartwheel.autoscaling.manifests.pause import pause_of
from cartwheel.autoscaling.manifests.triggers import read_triggers
from cartwheel.autoscaling.scaled_object import (
    RESOURCE_TRIGGERS,
    Fallback,
    FallbackBehavior,
    Pause,
    ScaledObject,
    Trigger,
)
from cartwheel.autoscaling.spec import Behavior, ScaleTarget

DEFAULTS = ScaledObject("", ScaleTarget("", ""), ())


def read_scaled_object(root: Fields) -> ScaledObject:
    root.ignore("status")
    metadata = read_metadata(root)
    with root.mapping("spec") as fields:
        minimum, maximum, idle = _read_limits(fields)
        triggers = _read_triggers(fields)
        autoscaler_name, behavior, formula = _read_advanced(fields)
        return ScaledObject(
            name=metadata.name,
            namespace=metadata.namespace,
            target=_read_scale_target(fields),
            triggers=triggers,
            min_replicas=minimum,
            max_replicas=maximum,
            idle_replicas=idle,
            polling_interval=_seconds(fields, "pollingInterval", DEFAULTS.polling_interval),
            cooldown_period=_seconds(fields, "cooldownPeriod", DEFAULTS.cooldown_period),
            initial_cooldown_period=_seconds(
                fields, "initialCooldownPeriod", DEFAULTS.initial_cooldown_period
            ),
            fallback=_read_fallback(fields, triggers),
            behavior=behavior,
            pause=_read_pause(root, metadata),
            formula=formula,
            autoscaler_name=autoscaler_name,
        )


def _seconds(fields: Fields, name: str, default: float) -> float:
    return float(fields.integer(name, int(default)))


def _read_limits(fields: Fields) -> tuple[int, int, int | None]:
    minimum = fields.integer("minReplicaCount", DEFAULTS.min_replicas)
    maximum = fields.integer("maxReplicaCount", DEFAULTS.max_replicas, minimum=1)
    idle = fields.optional_integer("idleReplicaCount")
    if fields.is_wrong("minReplicaCount", "maxReplicaCount", "idleReplicaCount"):
        return minimum, maximum, idle
    if maximum < minimum:
        fields.report(
            f"must be at least minReplicaCount ({minimum}), but is {maximum}", "maxReplicaCount"
        )
    if idle is not None and idle >= minimum:
        fields.report(
            f"must be below minReplicaCount ({minimum}), but is {idle}", "idleReplicaCount"
        )
    return minimum, maximum, idle


def _read_triggers(fields: Fields) -> tuple[Trigger, ...]:
    triggers = tuple(read_triggers(fields))
    if not fields.has("triggers"):
        fields.report("missing", "triggers")
    elif not fields.is_wrong("triggers") and not fields.nodes("triggers"):
        fields.report("must have at least one trigger", "triggers")
    return triggers


def _read_scale_target(parent: Fields) -> ScaleTarget:
    with parent.mapping("scaleTargetRef") as fields:
        fields.ignore("envSourceContainerName")
        return ScaleTarget(
            fields.text("kind", "Deployment"),
            read_name(fields),
            fields.text("apiVersion", "apps/v1"),
        )


def _read_advanced(parent: Fields) -> tuple[str, Behavior | None, str | None]:
    """The name of the autoscaler that KEDA makes, its behavior, and the formula."""
    fields = parent.optional_mapping("advanced")
    if fields is None:
        return "", None, None
    with fields:
        fields.boolean("restoreToOriginalReplicaCount")
        formula = _read_formula(fields)
        config = fields.optional_mapping("horizontalPodAutoscalerConfig")
        if config is None:
            return "", None, formula
        with config:
            name = read_name(config) if config.has("name") else ""
            return name, read_behavior(config), formula


def _read_formula(parent: Fields) -> str | None:
    fields = parent.optional_mapping("scalingModifiers")
    if fields is None:
        return None
    with fields:
        fields.ignore("activationTarget", "metricType")
        # An API returns an empty mapping where none was set.
        if not fields.has("formula") and not fields.has("target"):
            return None
        fields.text("target")
        return fields.text("formula")


def _read_fallback(parent: Fields, triggers: tuple[Trigger, ...]) -> Fallback | None:
    fields = parent.optional_mapping("fallback")
    if fields is None:
        return None
    if not parent.is_wrong("triggers") and triggers and not any(map(_can_fall_back, triggers)):
        fields.report("needs a trigger that is not cpu or memory")
    with fields:
        return Fallback(
            fields.integer("failureThreshold"),
            fields.integer("replicas"),
            fields.choice("behavior", FallbackBehavior, FallbackBehavior.STATIC),
        )


def _can_fall_back(trigger: Trigger) -> bool:
    return trigger.type not in RESOURCE_TRIGGERS


def _read_pause(root: Fields, metadata: Metadata) -> Pause | None:
    try:
        return pause_of(metadata.annotations)
    except ValueError as error:
        root.report(str(error), "metadata")
        return None
