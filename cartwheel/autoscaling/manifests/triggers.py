"""The triggers of a ScaledObject: the name of the field that holds the target differs by type.

Source: https://keda.sh/docs/latest/scalers/.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from cartwheel.autoscaling.manifests.fields import Fields, closest
from cartwheel.autoscaling.manifests.hpa import Resource
from cartwheel.autoscaling.quantities import parse_quantity
from cartwheel.autoscaling.scaled_object import Trigger
from cartwheel.autoscaling.spec import TargetType


@dataclass(frozen=True)
class TriggerFields:
    """The fields of `metadata` for the target (without it, 1), its default, and activation."""

    target: str | None
    activation: str | None
    default: str | None = None


_TRIGGERS = {
    "apache-kafka": TriggerFields("lagThreshold", "activationLagThreshold", "10"),
    "artemis-queue": TriggerFields("queueLength", "activationQueueLength", "10"),
    "aws-cloudwatch": TriggerFields("targetMetricValue", "activationTargetMetricValue"),
    "aws-kinesis-stream": TriggerFields("shardCount", "activationShardCount", "2"),
    "aws-sqs-queue": TriggerFields("queueLength", "activationQueueLength", "5"),
    "azure-queue": TriggerFields("queueLength", "activationQueueLength", "5"),
    "azure-servicebus": TriggerFields("messageCount", "activationMessageCount", "5"),
    # Its value is a count of replicas.
    "cron": TriggerFields(None, None),
    "datadog": TriggerFields("queryValue", "activationQueryValue"),
    "gcp-pubsub": TriggerFields("value", "activationValue", "10"),
    "kafka": TriggerFields("lagThreshold", "activationLagThreshold", "10"),
    "kubernetes-workload": TriggerFields("value", "activationValue"),
    "metrics-api": TriggerFields("targetValue", "activationTargetValue"),
    "mysql": TriggerFields("queryValue", "activationQueryValue"),
    "nats-jetstream": TriggerFields("lagThreshold", "activationLagThreshold", "10"),
    "postgresql": TriggerFields("targetQueryValue", "activationTargetQueryValue"),
    "prometheus": TriggerFields("threshold", "activationThreshold"),
    "rabbitmq": TriggerFields("value", "activationValue"),
    "redis": TriggerFields("listLength", "activationListLength", "5"),
    "redis-streams": TriggerFields("pendingEntriesCount", "activationLagCount", "5"),
}
# Checked by name, because KEDA ignores a misspelt one.
_PROMETHEUS_FIELDS = (
    "serverAddress",
    "query",
    "queryParameters",
    "threshold",
    "activationThreshold",
    "namespace",
    "customHeaders",
    "ignoreNullValues",
    "unsafeSsl",
    "awsRegion",
    "timeout",
    "identityOwner",
    "authModes",
    "cortexOrgID",
    "metricName",
    "bearerToken",
    "username",
    "password",
    "ca",
    "cert",
    "key",
)
_RESOURCE_FIELDS = ("type", "value", "containerName", "activationValue")
_WITHOUT_CACHE = (*Resource, "cron")


class AuthenticationKind(StrEnum):
    TRIGGER = "TriggerAuthentication"
    CLUSTER = "ClusterTriggerAuthentication"


def read_triggers(spec: Fields) -> Iterator[Trigger]:
    """The triggers in their order. Strictly, a type that is not known here is a problem."""
    names: set[str] = set()
    for fields in spec.items("triggers"):
        with fields:
            kind = fields.text("type")
            name = fields.text("name", "")
            if name and name in names:
                fields.report(f"another trigger has the name {name} too", "name")
            names.add(name)
            _check_authentication(fields)
            is_cached = fields.boolean("useCachedMetrics")
            if is_cached and kind in _WITHOUT_CACHE:
                fields.report(f"{kind} triggers have no cache", "useCachedMetrics")
            fields.ignore("metricType", "metadata")
            if fields.is_wrong("type"):
                continue
            if kind in list(Resource):
                yield _read_resource_trigger(fields, kind, name)
            elif kind in _TRIGGERS:
                yield _read_external_trigger(fields, kind, name, is_cached=is_cached)
            elif fields.is_strict:
                fields.report(_unknown_type(kind), "type")
            else:
                yield _read_unknown_trigger(fields, kind, name)


def target_field(kind: str) -> str | None:
    """The field of `metadata` that has the target of a trigger of this type, if one has."""
    if kind in list(Resource):
        return "value"
    return _TRIGGERS[kind].target if kind in _TRIGGERS else None


def _read_unknown_trigger(fields: Fields, kind: str, name: str) -> Trigger:
    """A trigger of a type whose target is not known here: 1 stands for it."""
    metric_type = fields.choice("metricType", TargetType, TargetType.AVERAGE_VALUE)
    return Trigger(kind, metric_type, 1000, name=name, metadata=fields.texts("metadata"))


def _unknown_type(kind: str) -> str:
    known = [*Resource, *_TRIGGERS]
    best = closest(kind, known)
    hint = f"did you mean {best}?" if best else f"known are {', '.join(known)}"
    return f"which field has the target of a trigger {kind} is not known; {hint}"


def _check_authentication(parent: Fields) -> None:
    if fields := parent.optional_mapping("authenticationRef"):
        with fields:
            fields.text("name")
            fields.choice("kind", AuthenticationKind, AuthenticationKind.TRIGGER)


def _read_resource_trigger(fields: Fields, kind: str, name: str) -> Trigger:
    with fields.mapping("metadata") as metadata:
        metadata.ignore(*_RESOURCE_FIELDS)
        # Older than `metricType`, and still read by KEDA.
        has_old_type = metadata.has("type") and not fields.has("metricType")
        metric_type = (metadata if has_old_type else fields).choice(
            "type" if has_old_type else "metricType",
            TargetType,
            among=(TargetType.UTILIZATION, TargetType.AVERAGE_VALUE),
        )
        parse = int if metric_type is TargetType.UTILIZATION else parse_quantity
        threshold = _number(metadata, "value", parse, minimum=1)
        container = metadata.text("containerName", "") or None
        return Trigger(
            kind,
            metric_type,
            threshold,
            name=name,
            container=container,
            metadata=metadata.all_texts(),
        )


def _read_external_trigger(fields: Fields, kind: str, name: str, *, is_cached: bool) -> Trigger:
    names = _TRIGGERS[kind]
    metric_type = fields.choice(
        "metricType",
        TargetType,
        TargetType.AVERAGE_VALUE,
        among=(TargetType.AVERAGE_VALUE, TargetType.VALUE),
    )
    metadata = fields.mapping("metadata")
    threshold, activation = 1000, 0
    if names.target is not None:
        threshold = _number(metadata, names.target, _float_thousandths, names.default, minimum=1)
    if names.activation is not None:
        activation = _number(metadata, names.activation, _float_thousandths, "0")
    if kind == "prometheus":
        with metadata:
            metadata.ignore(*_PROMETHEUS_FIELDS)
            metadata.text("serverAddress")
            metadata.text("query")
    return Trigger(
        kind,
        metric_type,
        threshold,
        activation,
        name=name,
        metadata=metadata.all_texts(),
        use_cached_metrics=is_cached,
    )


def _number(
    metadata: Fields,
    name: str,
    parse: Callable[[str], int],
    default: str | None = None,
    *,
    minimum: int | None = None,
) -> int:
    """A number of `metadata`, where everything is a text."""
    text = metadata.text(name, default)
    if metadata.is_wrong(name) or not text:
        return minimum or 0
    try:
        found = parse(text)
    except ValueError:
        metadata.report(f"is no number: {text}", name)
        return minimum or 0
    if minimum is not None and found < minimum:
        metadata.report(f"must be above 0, but is {text}", name)
        return minimum
    return found


def _float_thousandths(text: str) -> int:
    """KEDA reads a float and cuts what is below a thousandth."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return int(number * 1000)
