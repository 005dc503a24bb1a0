"""What one metric proposes, in plain sentences."""

import math
import re
from collections.abc import Mapping, Sequence

from cartwheel.autoscaling.decision import CountedPod, PodGroup, Proposal
from cartwheel.autoscaling.quantities import format_bytes, format_number, rounded
from cartwheel.autoscaling.sentence import Basis, Sentence, number_of_replicas
from cartwheel.autoscaling.spec import (
    ExternalMetric,
    Metric,
    ObjectMetric,
    PodsMetric,
    ResourceMetric,
    TargetType,
)
from cartwheel.autoscaling.tolerance import Tolerance

NO_UNITS: Mapping[str, str] = {}
_MAX_NAMES = 5
_NAME_BY_KEDA = re.compile(r"s\d+-")
NO_TOLERANCE = Tolerance(0.0, 0.0)


def about_metric(
    proposal: Proposal, current: int, *, tolerance: Tolerance, units: Mapping[str, str]
) -> list[Sentence]:
    """From the value to the proposal."""
    if proposal.error is not None:
        text = f"{leading_subject(proposal.metric)} could not be used: {proposal.error}."
        return [Sentence(text, Basis.MEASURED), *_about_pods(proposal)]
    found = [_about_value(proposal, tolerance, units)]
    found += _about_pods(proposal)
    found += _about_ratio(proposal, current, tolerance)
    found.append(_about_replicas(proposal, current))
    return found


def subject(metric: Metric) -> str:
    """The metric as the subject of a sentence."""
    match metric:
        case ResourceMetric(resource=resource, container=container):
            name = "CPU" if resource == "cpu" else resource
            return f"{name} of the container {container}" if container else name
        case PodsMetric(name=name):
            return f"{name} of the pods"
        case ObjectMetric(name=name, described_object=described):
            return f"{name} of {described}" if described else name
        case ExternalMetric(name=name):
            return name


def leading_subject(metric: Metric) -> str:
    """Names of metrics are written as they are; of one that KEDA made up, it is said what it is."""
    words = subject(metric)
    if _NAME_BY_KEDA.match(words):
        return f"The metric {words}"
    return "Memory" + words[6:] if words.startswith("memory") else words


def shown_value(metric: Metric, value: int, units: Mapping[str, str]) -> str:
    """The value with its unit: ``62 % of the request``, ``31.2 requests/s per replica``."""
    match metric:
        case ResourceMetric() if metric.target.type is TargetType.UTILIZATION:
            return f"{value} % of the request"
        case ResourceMetric(resource="memory"):
            return f"{format_bytes(value)} per pod"
        case ResourceMetric(resource="cpu"):
            return f"{format_number(value)} cores per pod"
        case ResourceMetric():
            return f"{format_number(value)} per pod"
        case _:
            unit = f" {units[metric.name]}" if metric.name in units else ""
            return f"{format_number(value)}{unit}{_per(metric)}"


def measured_value(
    metric: Metric, value: int, units: Mapping[str, str], *, tolerance: Tolerance = NO_TOLERANCE
) -> str:
    """As `shown_value`, rounded unless that changes the side of the target or of its tolerance."""
    if metric.target.type is TargetType.UTILIZATION:
        return shown_value(metric, value, units)
    short = rounded(value)
    is_same = _side(short, metric, tolerance) == _side(value, metric, tolerance)
    return shown_value(metric, short if is_same else value, units)


def _side(value: int, metric: Metric, tolerance: Tolerance) -> tuple[bool, bool, bool]:
    target = metric.target.value
    return value > target, value < target, bool(target) and tolerance.contains(value / target)


def _per(metric: Metric) -> str:
    if isinstance(metric, PodsMetric):
        return " per pod"
    return " per replica" if metric.target.type is TargetType.AVERAGE_VALUE else ""


def _about_value(proposal: Proposal, tolerance: Tolerance, units: Mapping[str, str]) -> Sentence:
    metric = proposal.metric
    value = measured_value(metric, proposal.value or 0, units, tolerance=tolerance)
    target = shown_value(metric, metric.target.value, units)
    if proposal.fallback_for is not None:
        return Sentence(
            f"{leading_subject(metric)} could not be read ({proposal.fallback_for}): KEDA reports "
            f"the value of its fallback instead, {value}. The target is {target}.",
            Basis.MEASURED,
        )
    if isinstance(metric, ResourceMetric) and metric.target.type is TargetType.UTILIZATION:
        text = f"{leading_subject(metric)} is at {proposal.value} % of the request"
        return Sentence(f"{text}; the target is {metric.target.value} %.", Basis.MEASURED)
    text = f"{leading_subject(metric)} is {value}; the target is {target}."
    return Sentence(text, Basis.MEASURED)


def _about_pods(proposal: Proposal) -> list[Sentence]:
    by_reason: dict[str, list[str]] = {}
    for pod in proposal.pods:
        if pod.group is not PodGroup.READY:
            by_reason.setdefault(pod.reason, []).append(pod.name)
    return [
        Sentence(f"{_names(names)} not counted: {reason}.", Basis.MEASURED)
        for reason, names in by_reason.items()
    ]


def _is_without_replicas(proposal: Proposal, current: int) -> bool:
    """No replicas to compare with or to multiply: the whole value ÷ the target is the count."""
    is_value = proposal.metric.target.type is TargetType.VALUE
    return proposal.ratio == math.inf or (is_value and not current)


def _about_ratio(proposal: Proposal, current: int, tolerance: Tolerance) -> list[Sentence]:
    if proposal.ratio is None or _is_without_replicas(proposal, current):
        return []
    found = []
    ratio = proposal.ratio
    if proposal.final_ratio is not None and proposal.final_ratio != proposal.ratio:
        found.append(_about_gaps(proposal, proposal.ratio, proposal.final_ratio))
        ratio = proposal.final_ratio
    side = "within" if proposal.is_within_tolerance else "outside"
    low, high = 1 - tolerance.down, 1 + tolerance.up
    shown = _shown_ratio(ratio, tolerance, is_within=proposal.is_within_tolerance)
    text = f"Value ÷ target is {shown}, {side} the tolerance of {low:.2f} to {high:.2f}."
    found.append(Sentence(text, Basis.COMPUTED))
    return found


def _shown_ratio(ratio: float, tolerance: Tolerance, *, is_within: bool) -> str:
    """With as many decimals, at least two, as show on which side of the tolerance it is."""
    shown = [f"{ratio:.{decimals}f}" for decimals in range(2, 6)]
    return next((one for one in shown if tolerance.contains(float(one)) == is_within), shown[-1])


def _about_gaps(proposal: Proposal, ratio: float, final: float) -> Sentence:
    """Missing and unready pods are assumed to be what makes the change smaller."""
    if ratio > 1:
        idle = _count(proposal.pods, PodGroup.MISSING, PodGroup.UNREADY)
        text = f"Counted as idle, so that it does not grow too far: {idle}"
    else:
        busy = _count(proposal.pods, PodGroup.MISSING)
        text = f"Counted as busy, so that it does not shrink too far: {busy}"
    return Sentence(
        f"{text}. Value ÷ target becomes {final:.2f}, from {ratio:.2f}.", Basis.COMPUTED
    )


def _about_replicas(proposal: Proposal, current: int) -> Sentence:
    replicas = proposal.replicas or 0
    words = f"It proposes {number_of_replicas(replicas)}"
    if proposal.final_ratio is None or _is_without_replicas(proposal, current):
        return Sentence(f"{words}: the whole value ÷ the target, rounded up.", Basis.COMPUTED)
    if proposal.is_within_tolerance:
        return Sentence(f"{words}, as many as there are.", Basis.COMPUTED)
    product = proposal.final_ratio * (proposal.base or 0)
    if replicas == current != math.ceil(product):
        text = f"{words}, as many as there are: those pods would turn the change round."
        return Sentence(text, Basis.COMPUTED)
    text = f"{words}: {proposal.final_ratio:.2f} × {_base(proposal)}, rounded up."
    return Sentence(text, Basis.COMPUTED)


def _base(proposal: Proposal) -> str:
    """The number that is multiplied is seldom that of the replicas in the spec."""
    metric, base = proposal.metric, proposal.base or 0
    is_single = isinstance(metric, ObjectMetric | ExternalMetric)
    if is_single and metric.target.type is TargetType.AVERAGE_VALUE:
        return f"{number_of_replicas(base)} that exist"
    kind = "counted" if proposal.final_ratio != proposal.ratio else "ready"
    return f"{base} {kind} {'pod' if base == 1 else 'pods'}"


def _count(pods: Sequence[CountedPod], *groups: PodGroup) -> str:
    count = sum(pod.group in groups for pod in pods)
    return "1 pod" if count == 1 else f"{count} pods"


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MAX_NAMES])
    rest = len(names) - _MAX_NAMES
    return f"{shown} and {rest} more" if rest > 0 else shown
