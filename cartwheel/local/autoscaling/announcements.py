"""A decision in one line, with numbers as people write them.

``units`` are words such as ``requests/s`` by the name of a metric.
"""

from collections.abc import Mapping

from cartwheel.autoscaling.conditions import SCALING_ACTIVE
from cartwheel.autoscaling.decision import Decision, Proposal
from cartwheel.autoscaling.keda import Poll
from cartwheel.autoscaling.quantities import format_number, rounded
from cartwheel.autoscaling.spec import Metric, ResourceMetric, TargetType


def describe_change(decision: Decision, *, units: Mapping[str, str]) -> str:
    """What changes, and the metric or the bound that asks for it."""
    return f"{decision.current} → {decision.desired}, {_reason(decision, units)}"


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


def _reason(decision: Decision, units: Mapping[str, str]) -> str:
    if decision.winner is not None:
        return _describe(decision.proposals[decision.winner], units)
    # Without a metric only the bounds change anything.
    bound = "minimum" if decision.desired > decision.current else "maximum"
    return f"the {bound} is {decision.desired}"


def _unit(metric: Metric, units: Mapping[str, str]) -> str | None:
    return None if isinstance(metric, ResourceMetric) else units.get(metric.name)
