"""What the status of an autoscaler says, for those who may not see its pods or its metrics."""

from collections.abc import Iterator

from cartwheel.autoscaling.metric_sentences import leading_subject, measured_value, shown_value
from cartwheel.autoscaling.observation import Reading, Values
from cartwheel.autoscaling.quantities import parse_quantity
from cartwheel.autoscaling.sentence import Basis, Sentence, number_of_replicas
from cartwheel.autoscaling.spec import HorizontalPodAutoscalerSpec, TargetType
from cartwheel.kubernetes.api import Json


def about_status(autoscaler: Json, spec: HorizontalPodAutoscalerSpec) -> Iterator[Sentence]:
    """The counts, the values and the conditions of the controller's last sync."""
    status = autoscaler.get("status") or {}
    current, desired = status.get("currentReplicas", 0), status.get("desiredReplicas", 0)
    name = f"{spec.target.kind} {spec.target.name}"
    text = f"{name} had {number_of_replicas(current)} at the last sync, which wanted {desired}."
    yield Sentence(text, Basis.MEASURED)
    for metric, value in zip(spec.metrics, values_in_status(autoscaler), strict=True):
        if value is not None:
            text = (
                f"{leading_subject(metric)} was {measured_value(metric, value, {})}; the target "
                f"is {shown_value(metric, metric.target.value, {})}."
            )
            yield Sentence(text, Basis.MEASURED)
    for condition in status.get("conditions") or ():
        if condition["type"] == "AbleToScale" or _is_unusual(condition):
            text = f"{condition['type']} is {condition['status']} ({condition['reason']}): "
            yield Sentence(f"{text}{condition['message'].rstrip('.')}.", Basis.MEASURED)


def values_in_status(autoscaler: Json) -> list[int | None]:
    """The value that the status reports of each metric: percent, or thousandths."""
    reported = [*((autoscaler.get("status") or {}).get("currentMetrics") or ())]
    metrics = autoscaler["spec"].get("metrics") or ()
    return [
        _current(metric, reported[number]) if number < len(reported) else None
        for number, metric in enumerate(metrics)
    ]


def reading_in_status(
    autoscaler: Json, number: int, spec: HorizontalPodAutoscalerSpec, *, status_replicas: int
) -> Reading | None:
    """The total of an Object or External metric, from the value per replica in the status."""
    value = values_in_status(autoscaler)[number]
    if value is None or autoscaler["spec"]["metrics"][number]["type"] not in ("Object", "External"):
        return None
    is_average = spec.metrics[number].target.type is TargetType.AVERAGE_VALUE
    return Values([value * status_replicas if is_average else value])


def _current(metric: Json, reported: Json) -> int | None:
    """None if that metric failed in the last sync."""
    if reported.get("type") != metric["type"]:
        return None
    source = next(key for key in reported if key != "type")
    current, target = reported[source]["current"], metric[source]["target"]
    if target["type"] == "Utilization":
        percent: int | None = current.get("averageUtilization")
        return percent
    quantity = current.get("averageValue" if target["type"] == "AverageValue" else "value")
    return None if quantity is None else parse_quantity(str(quantity))


def _is_unusual(condition: Json) -> bool:
    usual = {"ScalingActive": "True", "ScalingLimited": "False"}
    status: str = condition["status"]
    return status != usual.get(condition["type"], status)
