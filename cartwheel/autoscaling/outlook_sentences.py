"""An outlook in plain sentences: what would change the count next."""

from collections.abc import Mapping

from cartwheel.autoscaling.keda import is_paused, metric_name
from cartwheel.autoscaling.metric_sentences import NO_UNITS, shown_value, subject
from cartwheel.autoscaling.outlook import CountChange, Outlook
from cartwheel.autoscaling.quantities import format_number, rounded
from cartwheel.autoscaling.scaled_object import RESOURCE_TRIGGERS, ScaledObject
from cartwheel.autoscaling.sentence import Basis, Sentence, number_of_replicas
from cartwheel.autoscaling.spec import (
    ControllerOptions,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    Metric,
    ObjectMetric,
    SelectPolicy,
    TargetType,
)


def describe_outlook(
    outlook: Outlook,
    spec: HorizontalPodAutoscalerSpec,
    *,
    options: ControllerOptions,
    units: Mapping[str, str] = NO_UNITS,
) -> list[Sentence]:
    """With the same load, with more, and with less. Empty if nothing is known."""
    if outlook.lacks_samples:
        text = "What comes next is not known while a ready pod has no sample of the metric."
        return [Sentence(text, Basis.INFERRED)]
    if not outlook.is_known:
        return []
    steady = _steady(outlook, options, units)
    growth = _growth(outlook, spec, options, units)
    shrinking = _shrinking(outlook, spec, options, units)
    if _shrinks_as_it_is(outlook, options):
        texts = [steady, *shrinking, *growth]
    else:
        texts = [steady, *growth, *shrinking]
    return [Sentence(text, Basis.INFERRED) for text in texts]


def describe_rest(
    spec: ScaledObject, replicas: int, *, units: Mapping[str, str] = NO_UNITS
) -> list[Sentence]:
    """When KEDA lets the workload rest, at zero or idle, and when it wakes it again."""
    rest = 0 if spec.idle_replicas is None and not spec.min_replicas else spec.idle_replicas
    activations = [
        _activation(metric_name(index, trigger), trigger.activation_threshold, units)
        for index, trigger in enumerate(spec.triggers)
        if trigger.type not in RESOURCE_TRIGGERS
    ]
    if rest is None or not activations or is_paused(spec.pause):
        return []
    is_active = " or ".join(activations)
    if replicas > rest:
        count = number_of_replicas(rest)
        text = f"KEDA sets {count} after {spec.cooldown_period:g} s without {is_active}."
    else:
        text = (
            f"With {is_active} KEDA wakes it to {number_of_replicas(max(1, spec.min_replicas))}; "
            f"it looks every {spec.polling_interval:g} s."
        )
    return [Sentence(text, Basis.INFERRED)]


def _activation(metric: str, threshold: int, units: Mapping[str, str]) -> str:
    unit = f" {units[metric]}" if metric in units else ""
    return f"{metric} above {format_number(threshold)}{unit}"


def _steady(outlook: Outlook, options: ControllerOptions, units: Mapping[str, str]) -> str:
    load = "the same load"
    if outlook.present and _is_total(outlook.present[0]):
        metric, total = outlook.present
        load += f" ({_in_all(_shown_load(outlook, total), metric, units)})"
    if outlook.steady is None:
        return f"With {load} it stays at {number_of_replicas(outlook.replicas)}."
    return f"With {load} it {_what_happens(outlook, outlook.steady, options)}."


def _shown_load(outlook: Outlook, total: int) -> str:
    """Rounded, unless that changes the side of a load at which the count changes."""
    changes = [*outlook.growth, *([outlook.shrinking] if outlook.shrinking else [])]
    short = rounded(total)
    is_same = all(
        (total > one.total, total < one.total) == (short > one.total, short < one.total)
        for one in changes
    )
    return format_number(short if is_same else total)


def _growth(
    outlook: Outlook,
    spec: HorizontalPodAutoscalerSpec,
    options: ControllerOptions,
    units: Mapping[str, str],
) -> list[str]:
    if outlook.growth:
        return [
            f"{_at_least(change, units)}{_of(change.metric, spec)} it "
            f"{_what_happens(outlook, change, options)}."
            for change in outlook.growth
        ]
    if outlook.replicas >= spec.max_replicas:
        return [f"It cannot grow: maxReplicas is {spec.max_replicas}."]
    if spec.behavior and spec.behavior.scale_up.select_policy is SelectPolicy.DISABLED:
        return ["It cannot grow: scaling up is disabled (selectPolicy)."]
    if outlook.steady is not None and outlook.steady.replicas > outlook.replicas:
        return []
    return ["No load makes it grow."]


def _shrinking(
    outlook: Outlook,
    spec: HorizontalPodAutoscalerSpec,
    options: ControllerOptions,
    units: Mapping[str, str],
) -> list[str]:
    if change := outlook.shrinking:
        load = f"{_at_most(change, units)}{_of(change.metric, spec)}"
        if _shrinks_as_it_is(outlook, options):
            return [f"{load}, the same."]
        return [f"{load} it {_what_happens(outlook, change, options)}."]
    if outlook.replicas <= spec.min_replicas:
        return [f"It cannot shrink: minReplicas is {spec.min_replicas}."]
    if spec.behavior and spec.behavior.scale_down.select_policy is SelectPolicy.DISABLED:
        return ["It cannot shrink: scaling down is disabled (selectPolicy)."]
    if outlook.has_gaps:
        return ["It cannot shrink while a metric is missing."]
    if outlook.is_held_by_another:
        return ["Another metric keeps the count, however low this one falls."]
    return []


def _shrinks_as_it_is(outlook: Outlook, options: ControllerOptions) -> bool:
    """Whether less load changes nothing of what happens with the same load."""
    steady, less = outlook.steady, outlook.shrinking
    if steady is None or less is None:
        return False
    return _what_happens(outlook, steady, options) == _what_happens(outlook, less, options)


def _what_happens(outlook: Outlook, change: CountChange, options: ControllerOptions) -> str:
    verb = "grows" if change.replicas > outlook.replicas else "shrinks"
    if change.after <= options.sync_period:
        when = f"at the next sync, within {options.sync_period:g} s"
    else:
        when = f"after {change.after:.0f} s"
    return f"{verb} to {change.replicas} {when}"


def _at_least(change: CountChange, units: Mapping[str, str]) -> str:
    """The shorter of "at" this value and "above" the one before."""
    if not _is_total(change.metric):
        return f"At {shown_value(change.metric, change.value, units)}"
    at, above = format_number(change.total), format_number(change.total - 1)
    return _in_all(f"Above {above}" if len(above) < len(at) else f"At {at}", change.metric, units)


def _at_most(change: CountChange, units: Mapping[str, str]) -> str:
    if not _is_total(change.metric):
        return f"At {shown_value(change.metric, change.value, units)} or less"
    at, below = format_number(change.total), format_number(change.total + 1)
    if len(below) < len(at):
        return _in_all(f"Below {below}", change.metric, units)
    return f"{_in_all(f'At {at}', change.metric, units)} or less"


def _in_all(value: str, metric: Metric, units: Mapping[str, str]) -> str:
    unit = units.get(getattr(metric, "name", ""), "")
    return " ".join(part for part in (value, unit, "in all") if part)


def _is_total(metric: Metric) -> bool:
    """A value that all replicas share: the total is what a person knows."""
    return (
        isinstance(metric, ExternalMetric | ObjectMetric)
        and metric.target.type is TargetType.AVERAGE_VALUE
    )


def _of(metric: Metric, spec: HorizontalPodAutoscalerSpec) -> str:
    """With several metrics, whose value it is."""
    return f" of {subject(metric)}" if len(spec.metrics) > 1 else ""
