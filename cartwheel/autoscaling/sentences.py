"""A decision in plain sentences: why this number of replicas."""

from collections.abc import Mapping, Sequence

from cartwheel.autoscaling import conditions
from cartwheel.autoscaling.autoscaler import DEFAULT_OPTIONS
from cartwheel.autoscaling.decision import Decision, Proposal, RateLimit, Stabilization
from cartwheel.autoscaling.limits import IN_RANGE
from cartwheel.autoscaling.metric_sentences import NO_UNITS, about_metric, subject
from cartwheel.autoscaling.observation import Observation, Pod
from cartwheel.autoscaling.sentence import Basis, Sentence, number_of_replicas
from cartwheel.autoscaling.spec import (
    ControllerOptions,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    ObjectMetric,
    PolicyType,
    ScalingPolicy,
    SelectPolicy,
    TargetType,
)
from cartwheel.autoscaling.stabilization import windows
from cartwheel.autoscaling.tolerance import tolerance_of


def explain(
    decision: Decision,
    spec: HorizontalPodAutoscalerSpec,
    *,
    observation: Observation | None = None,
    options: ControllerOptions = DEFAULT_OPTIONS,
    units: Mapping[str, str] = NO_UNITS,
    now: float | None = None,
) -> list[Sentence]:
    """The sentences, from the values that were read to the count.

    ``observation`` adds what only the pods and the scale say: a rollout, a resize. ``units`` are
    words such as ``requests/s`` by the name of a metric. Seconds left are counted from ``now``,
    by default from the decision.
    """
    now = decision.at if now is None else now
    found = [_headline(decision, spec)]
    if not decision.proposals:
        found += _without_metrics(decision, spec)
    else:
        tolerance = tolerance_of(spec.behavior, options)
        for proposal in decision.proposals:
            found += about_metric(proposal, decision.current, tolerance=tolerance, units=units)
        found += _about_winner(decision)
    found += _about_restraint(decision, spec, options, now)
    if observation is not None:
        found += _about_rollout(decision, observation, spec)
        found += _about_pods(observation.pods)
    return found


def _headline(decision: Decision, spec: HorizontalPodAutoscalerSpec) -> Sentence:
    name = f"{spec.target.kind} {spec.target.name}"
    if decision.desired == decision.current:
        return Sentence(f"{name} stays at {number_of_replicas(decision.current)}.", Basis.COMPUTED)
    return Sentence(
        f"{name} goes from {decision.current} to {number_of_replicas(decision.desired)}.",
        Basis.COMPUTED,
    )


def _without_metrics(decision: Decision, spec: HorizontalPodAutoscalerSpec) -> list[Sentence]:
    if decision.current > spec.max_replicas:
        text = f"More than maxReplicas ({spec.max_replicas}): corrected at once, by no metric."
        return [Sentence(text, Basis.COMPUTED)]
    if 0 < decision.current < spec.min_replicas:
        text = f"Fewer than minReplicas ({spec.min_replicas}): corrected at once, by no metric."
        return [Sentence(text, Basis.COMPUTED)]
    active = decision.conditions.get(conditions.SCALING_ACTIVE)
    if active == conditions.DISABLED:
        text = (
            "The workload has zero replicas, and this autoscaler did not put it there: it does "
            "nothing until somebody sets another number."
        )
        return [Sentence(text, Basis.COMPUTED)]
    if active is not None and not active.status:
        return [Sentence(f"Nothing is scaled: {active.message}.", Basis.MEASURED)]
    return []


def _about_winner(decision: Decision) -> list[Sentence]:
    failed = [one for one in decision.proposals if one.error is not None]
    if decision.winner is None:
        return [Sentence(_why_nothing(failed, decision.proposals), Basis.COMPUTED)]
    chosen = decision.proposals[decision.winner]
    found = []
    if len(decision.proposals) > 1:
        text = f"The highest proposal decides: {chosen.replicas}, from {subject(chosen.metric)}."
        found.append(Sentence(text, Basis.COMPUTED))
    if failed:
        text = "A metric is missing; the others may scale up without it, but not down."
        found.append(Sentence(text, Basis.COMPUTED))
    return found


def _why_nothing(failed: Sequence[Proposal], proposals: Sequence[Proposal]) -> str:
    if len(failed) == len(proposals):
        return "Without any metric nothing changes."
    return "A metric is missing, and the others would scale down: nothing changes."


def _about_restraint(
    decision: Decision, spec: HorizontalPodAutoscalerSpec, options: ControllerOptions, now: float
) -> list[Sentence]:
    """Stabilization is said to hold only what the limits would not hold anyway."""
    limit, unstabilized = decision.rate_limit, decision.unstabilized
    if decision.stabilization is None or limit is None:
        return []
    if unstabilized is not None and unstabilized.after == limit.after:
        return _about_limit(decision, unstabilized, spec, now)
    found = _about_stabilization(decision, decision.stabilization, spec, options, now)
    return [*found, *_about_limit(decision, limit, spec, now)]


def _about_stabilization(
    decision: Decision,
    found: Stabilization,
    spec: HorizontalPodAutoscalerSpec,
    options: ControllerOptions,
    now: float,
) -> list[Sentence]:
    if found.after == found.before or found.held_by is None or found.until is None:
        return []
    up_window, down_window = windows(spec.behavior, options)
    rises = found.after < found.before
    window, extreme = (up_window, "lowest") if rises else (down_window, "highest")
    left = round(found.until - now)
    end = f"it counts for another {left} s" if left > 0 else "it leaves the window now"
    text = (
        f"Stabilization holds it at {found.after} instead of {found.before}: the {extreme} "
        f"recommendation of the last {window:g} s was {found.held_by.replicas}, and {end}."
    )
    sentences = [Sentence(text, Basis.COMPUTED)]
    if not rises and found.held_by.at < decision.at:
        text = (
            "A stabilization window is no cool-down: it does not wait after a change. Each sync "
            "takes the highest recommendation in it, so one peak holds for the whole window."
        )
        sentences.append(Sentence(text, Basis.INFERRED))
    return sentences


def _about_limit(
    decision: Decision, limit: RateLimit, spec: HorizontalPodAutoscalerSpec, now: float
) -> list[Sentence]:
    match limit.reason:
        case "TooManyReplicas":
            text = f"maxReplicas is {spec.max_replicas}; without it {limit.before}."
        case "TooFewReplicas":
            text = f"minReplicas is {spec.min_replicas}; without it {limit.before}."
        case "ScaleUpLimit" | "ScaleDownLimit":
            text = _about_rate(limit, spec, now, rises=limit.before > decision.current)
        case reason:
            assert reason == IN_RANGE
            return []
    return [Sentence(text, Basis.COMPUTED)]


def _about_rate(
    limit: RateLimit, spec: HorizontalPodAutoscalerSpec, now: float, *, rises: bool
) -> str:
    direction = "up" if rises else "down"
    allowed = f"so {limit.after} instead of {limit.before}"
    if spec.behavior is None:
        return f"Without `behavior` one sync at most doubles the count (or sets 4), {allowed}."
    if limit.policy is None or limit.until is None:
        return f"Scaling {direction} is disabled (selectPolicy), {allowed}."
    rules = spec.behavior.scale_up if rises else spec.behavior.scale_down
    if not limit.after and all(one.type is PolicyType.PERCENT for one in rules.policies):
        return f"A percentage of zero is zero, {allowed}: only a policy in pods would leave zero."
    left = round(limit.until - now)
    more = f"in {left} s" if left > 0 else "now"
    which = ""
    if len(rules.policies) > 1:
        size = "smallest" if rules.select_policy is SelectPolicy.MIN else "largest"
        which = f", the {size} change of {len(rules.policies)} policies,"
    return (
        f"The policy of {_policy(limit.policy)}{which} limits scaling {direction}, {allowed}; "
        f"it allows more {more}."
    )


def _policy(policy: ScalingPolicy) -> str:
    unit = "%" if policy.type is PolicyType.PERCENT else "pods" if policy.value > 1 else "pod"
    return f"{policy.value} {unit} in {policy.period_seconds} s"


def _about_rollout(
    decision: Decision, observation: Observation, spec: HorizontalPodAutoscalerSpec
) -> list[Sentence]:
    scale = observation.scale
    if scale.status_replicas == scale.spec_replicas:
        return []
    found = [
        Sentence(
            f"The workload has {number_of_replicas(scale.status_replicas)} now and is to have "
            f"{scale.spec_replicas}: a rollout or a change is under way.",
            Basis.MEASURED,
        )
    ]
    divides_by_status = any(
        isinstance(metric, ObjectMetric | ExternalMetric)
        and metric.target.type is TargetType.AVERAGE_VALUE
        for metric in spec.metrics
    )
    if divides_by_status and scale.status_replicas > scale.spec_replicas:
        text = (
            "A value per replica is divided by the replicas that exist, the extra ones of a "
            "rollout included, and within the tolerance that number is proposed. So a rollout can "
            "add a replica that stays (kubernetes#138505)."
        )
        found.append(Sentence(text, Basis.INFERRED))
    return found


def _about_pods(pods: Sequence[Pod]) -> list[Sentence]:
    found = [
        Sentence(
            f"{pod.name} is being resized ({pod.resize}): its request, and so its utilization, "
            "changes without a change in the load.",
            Basis.MEASURED,
        )
        for pod in pods
        if pod.resize
    ]
    if any(pod.has_vertical_autoscaler for pod in pods):
        text = (
            "A VerticalPodAutoscaler may change the requests of these pods; a utilization is a "
            "share of the request, so both autoscalers act on the same value."
        )
        found.append(Sentence(text, Basis.INFERRED))
    return found
