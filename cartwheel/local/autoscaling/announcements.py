"""A decision or an edit in one line, with numbers as people write them.

``units`` are words such as ``requests/s`` by the name of a metric.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cartwheel.autoscaling.conditions import SCALING_ACTIVE
from cartwheel.autoscaling.decision import Decision, Proposal
from cartwheel.autoscaling.keda import Poll, generated_autoscaler
from cartwheel.autoscaling.manifests import Autoscaler
from cartwheel.autoscaling.pausing import is_paused
from cartwheel.autoscaling.quantities import format_number, rounded
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.spec import (
    HorizontalPodAutoscalerSpec,
    Metric,
    ResourceMetric,
    Target,
    TargetType,
)


def describe_change(decision: Decision, *, units: Mapping[str, str]) -> str:
    """What changes, and the metric or the bound that asks for it."""
    return f"{decision.current} → {decision.desired}, {describe_reason(decision, units=units)}"


def describe_reason(decision: Decision, *, units: Mapping[str, str]) -> str:
    """The metric or the bound that asks for a change."""
    if decision.winner is not None:
        return _describe(decision.proposals[decision.winner], units)
    # Without a metric only the bounds change anything.
    bound = "minimum" if decision.desired > decision.current else "maximum"
    return f"the {bound} is {decision.desired}"


def describe_poll(poll: Poll) -> str:
    """What KEDA changes by itself, from or to zero, and why."""
    if poll.event is not None:
        reason = poll.event.message
    elif poll.reason == "ScaledObjectPaused":
        reason = "its ScaledObject is paused at that number"
    else:
        reason = f"the minimum is {poll.desired}"
    return f"{poll.current} → {poll.desired}, {reason}"


def describe_metrics(decision: Decision, *, units: Mapping[str, str]) -> str:
    """The value of each metric beside its target, or why no metric counts."""
    active = decision.conditions.get(SCALING_ACTIVE)
    if not decision.proposals and active is not None:
        return active.message
    return "; ".join(_describe(proposal, units) for proposal in decision.proposals)


def describe_edit(before: Autoscaler, after: Autoscaler) -> str:
    """What a change of the manifest changes, in a few words."""
    if before == after:
        return "the same settings"
    return ", ".join(_edits(before, after)) or "other settings"


def _edits(before: Autoscaler, after: Autoscaler) -> Iterator[str]:
    if is_paused(before) != is_paused(after):
        yield "paused" if is_paused(after) else "resumed"
    if type(before) is not type(after):
        yield "a ScaledObject now" if isinstance(after, ScaledObject) else "an HPA now"
    if before.min_replicas != after.min_replicas:
        yield f"minimum {before.min_replicas} → {after.min_replicas}"
    if before.max_replicas != after.max_replicas:
        yield f"maximum {before.max_replicas} → {after.max_replicas}"
    old, new = _decider(before), _decider(after)
    if _measured(before) != _measured(after):
        yield "other metrics"
    else:
        for was, now in zip(old.metrics, new.metrics, strict=True):
            if was.target != now.target:
                yield f"target {_shown(was.target)} → {_shown(now.target)}"
    if is_paused(before) == is_paused(after) and old.behavior != new.behavior:
        yield "another behavior"


def _decider(autoscaler: Autoscaler) -> HorizontalPodAutoscalerSpec:
    if isinstance(autoscaler, ScaledObject):
        return generated_autoscaler(autoscaler)
    return autoscaler


def _measured(autoscaler: Autoscaler) -> list[object]:
    """Its metrics without their targets."""
    if isinstance(autoscaler, ScaledObject):
        return [(one.type, one.container, one.metadata.get("query")) for one in autoscaler.triggers]
    no_target = Target(TargetType.VALUE, 0)
    return [replace(one, target=no_target) for one in autoscaler.metrics]


def _shown(target: Target) -> str:
    if target.type is TargetType.UTILIZATION:
        return f"{target.value} %"
    return format_number(target.value)


def _describe(proposal: Proposal, units: Mapping[str, str]) -> str:
    """The value of a metric beside its target, or why it has none."""
    target = proposal.metric.target
    if proposal.fallback_for is not None:
        return f"fallback, because {proposal.fallback_for}"
    if proposal.value is None:
        return proposal.error or "no value"
    if target.type is TargetType.UTILIZATION:
        assert isinstance(proposal.metric, ResourceMetric)
        resource = proposal.metric.resource.replace("cpu", "CPU")
        return f"{resource} at {proposal.value} % of its request (target {target.value} %)"
    value, aim = format_number(rounded(proposal.value)), format_number(target.value)
    if target.type is TargetType.VALUE or proposal.ratio is None or proposal.base is None:
        return f"{value} (target {aim})"
    total = format_number(rounded(round(proposal.ratio * target.value * proposal.base)))
    unit = f" {found}" if (found := _unit(proposal.metric, units)) else ""
    return f"{total}{unit} is {value} per replica (target {aim})"


def _unit(metric: Metric, units: Mapping[str, str]) -> str | None:
    return None if isinstance(metric, ResourceMetric) else units.get(metric.name)
