"""What would change the count next: found by asking the autoscaler itself about other loads.

No rule is repeated here. The load of a metric is searched for the value at which the autoscaler
decides for another count, and a run of further syncs at that load says when.

The questions are about a settled workload: as many ready replicas as were asked for, which share
the load evenly. During a rollout, or while replicas start, the next sync may see something else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cartwheel.autoscaling.autoscaler import DEFAULT_OPTIONS, HorizontalPodAutoscaler
from cartwheel.autoscaling.decision import Decision, PodGroup, Proposal, Recommendation
from cartwheel.autoscaling.observation import (
    Observation,
    Pod,
    PodSamples,
    Reading,
    Sample,
    Scale,
    Unavailable,
    Values,
)
from cartwheel.autoscaling.spec import ControllerOptions, HorizontalPodAutoscalerSpec, Metric
from cartwheel.autoscaling.stabilization import windows
from cartwheel.autoscaling.state import State

# Loads are searched up to this multiple of the present one, or of the target.
MAX_FACTOR = 2**30
# Longer than any window and any period, so that nothing of the past counts.
LONG_AGO = 1_000_000.0  # seconds


@dataclass(frozen=True)
class CountChange:
    """A load at which the count changes, and to what.

    ``total`` is the value of all replicas together, in thousandths, ``value`` what the status
    would report. The count changes at the sync ``after`` that many seconds.
    """

    metric: Metric
    total: int
    value: int
    replicas: int
    after: float


@dataclass(frozen=True)
class Outlook:
    """What is known about the next change.

    ``present`` is the metric that decides now, with its total; ``steady`` is the change that comes
    even if this load stays as it is. ``growth`` has the lowest load of each metric that adds
    replicas, ``shrinking`` the highest load of the present metric that removes some.
    ``is_held_by_another``: the present metric could fall to nothing, and the others would keep the
    count. ``has_gaps``: a metric has no value, so nothing can shrink. ``is_known`` is False when
    nothing could be found out; with ``lacks_samples``, because a ready pod was not measured.
    """

    replicas: int
    present: tuple[Metric, int] | None = None
    steady: CountChange | None = None
    growth: Sequence[CountChange] = ()
    shrinking: CountChange | None = None
    is_held_by_another: bool = False
    has_gaps: bool = False
    is_known: bool = True
    lacks_samples: bool = False


def look_ahead(
    spec: HorizontalPodAutoscalerSpec,
    observation: Observation,
    decision: Decision,
    *,
    state: State,
    options: ControllerOptions = DEFAULT_OPTIONS,
    now: float | None = None,
) -> Outlook:
    """The outlook after this decision; ``state`` is that after it.

    Nothing is known without replicas, when the metrics decided nothing, or while a pod that has
    long been ready has no sample: the rules then guess its load, and so would this.
    """
    if not decision.desired or decision.winner is None:
        return Outlook(decision.desired, is_known=False)
    if _lacks_samples(observation, decision, options):
        return Outlook(decision.desired, is_known=False, lacks_samples=True)
    questions = _Questions(spec, observation, decision, state=state, options=options)
    return questions.outlook(decision.winner, now=observation.at if now is None else now)


class _Questions:
    def __init__(
        self,
        spec: HorizontalPodAutoscalerSpec,
        observation: Observation,
        decision: Decision,
        *,
        state: State,
        options: ControllerOptions,
    ) -> None:
        self._spec = spec
        self._options = options
        self._state = state
        self._replicas = decision.desired
        self._at = observation.at
        self._settled = _settled(observation, decision)
        self._loads = [_total(one) for one in self._settled.readings]

    def outlook(self, winner: int, *, now: float) -> Outlook:
        present = self._loads[winner]
        if present is None:
            # A fallback stands for it, whatever the load is.
            return Outlook(self._replicas, is_known=False)
        growth = [
            change
            for index, load in enumerate(self._loads)
            if load is not None and (change := self._growth(index, load, now))
        ]
        return Outlook(
            self._replicas,
            (self._spec.metrics[winner], present),
            self._first_change(winner, present, now),
            growth,
            self._shrinking(winner, present, now),
            has_gaps=None in self._loads,
            is_held_by_another=self._is_held_without(winner),
        )

    def _is_held_without(self, index: int) -> bool:
        return self._spec.min_replicas < self._replicas <= self._count_at(index, 0)

    def _growth(self, index: int, load: int, now: float) -> CountChange | None:
        total = _lowest(
            lambda total: self._count_at(index, total) > self._replicas,
            limit=max(load, self._spec.metrics[index].target.value) * MAX_FACTOR,
        )
        # At 0 it is not this metric that makes it grow.
        change = self._first_change(index, total, now) if total else None
        return change if change is not None and change.replicas > self._replicas else None

    def _shrinking(self, index: int, load: int, now: float) -> CountChange | None:
        keeps = _lowest(
            lambda total: self._count_at(index, total) >= self._replicas,
            limit=max(load, self._spec.metrics[index].target.value) * MAX_FACTOR,
        )
        # An earlier, higher recommendation can make it grow first, whatever the load is.
        change = self._first_change(index, keeps - 1, now) if keeps else None
        return change if change is not None and change.replicas < self._replicas else None

    def _count_at(self, index: int, total: int) -> int:
        """The count at this load for long, as if nothing before it counted."""
        fresh = State((Recommendation(self._replicas, self._at - LONG_AGO),))
        return self._sync(fresh, index, total, at=self._at)[0].desired

    def _first_change(self, index: int, total: int, now: float) -> CountChange | None:
        """The first change if this load begins now and stays; None if none comes."""
        state, at = self._state, self._at
        end = at + self._longest_memory() + 2 * self._options.sync_period
        while at <= end:
            at += self._options.sync_period
            decision, state = self._sync(state, index, total, at=at)
            if decision.desired != self._replicas:
                value = decision.proposals[index].value or 0
                after = max(0.0, at - now)
                return CountChange(self._spec.metrics[index], total, value, decision.desired, after)
        return None

    def _sync(self, state: State, index: int, total: int, *, at: float) -> tuple[Decision, State]:
        autoscaler = HorizontalPodAutoscaler(self._spec, self._options, state)
        readings = list(self._settled.readings)
        readings[index] = _with_total(readings[index], total)
        decision = autoscaler.sync(replace(self._settled, at=at, readings=readings))
        return decision, autoscaler.state

    def _longest_memory(self) -> float:
        behavior = self._spec.behavior
        rules = () if behavior is None else (behavior.scale_up, behavior.scale_down)
        periods = [one.period_seconds for rule in rules for one in rule.policies]
        return max([*windows(behavior, self._options), *periods])


def _lacks_samples(
    observation: Observation, decision: Decision, options: ControllerOptions
) -> bool:
    latest_start = observation.at - options.cpu_initialization_period
    expected = {
        pod.name
        for pod in observation.pods
        if pod.ready and (pod.started_at is None or pod.started_at <= latest_start)
    }
    return any(
        pod.group is PodGroup.MISSING and pod.name in expected
        for proposal in decision.proposals
        for pod in proposal.pods
    )


def _settled(observation: Observation, decision: Decision) -> Observation:
    """As many ready pods as were asked for, and the samples that counted, at the same total."""
    replicas = decision.desired
    like = next((pod for pod in observation.pods if pod.requests), Pod(""))
    pods = [
        replace(
            like,
            name=f"pod-{number}",
            phase="Running",
            ready=True,
            ready_since=observation.at - LONG_AGO,
            has_unknown_readiness=False,
            started_at=observation.at - LONG_AGO,
            is_deleted=False,
        )
        for number in range(replicas)
    ]
    readings = [
        _spread(reading, pods, proposal)
        for reading, proposal in zip(observation.readings, decision.proposals, strict=True)
    ]
    return replace(observation, scale=Scale(replicas, replicas), pods=pods, readings=readings)


def _spread(reading: Reading, pods: Sequence[Pod], proposal: Proposal) -> Reading:
    if not isinstance(reading, PodSamples):
        return reading
    if proposal.error is not None:
        return Unavailable(proposal.error)
    total = sum(pod.value or 0 for pod in proposal.pods if pod.group is PodGroup.READY)
    empty = PodSamples({pod.name: Sample(0, pod.ready_since or 0.0, 0.0) for pod in pods})
    return _with_total(empty, total)


def _total(reading: Reading) -> int | None:
    match reading:
        case Values(values=values):
            return sum(values)
        case PodSamples(samples=samples):
            return sum(one.value for one in samples.values())
        case Unavailable():
            return None


def _with_total(reading: Reading, total: int) -> Reading:
    if not isinstance(reading, PodSamples):
        return Values([total])
    share, rest = divmod(total, len(reading.samples))
    return PodSamples(
        {
            name: replace(one, value=share + (index < rest))
            for index, (name, one) in enumerate(reading.samples.items())
        }
    )


def _lowest(holds: Callable[[int], bool], *, limit: int) -> int | None:
    """The lowest load at which this holds; it holds at every higher one. None: at none."""
    if not holds(limit):
        return None
    fails, found = -1, limit
    while found - fails > 1:
        middle = (fails + found) // 2
        if holds(middle):
            found = middle
        else:
            fails = middle
    return found
