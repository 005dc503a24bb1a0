"""What holds for every autoscaler and every observation."""

import math
from dataclasses import replace
from functools import cache
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.decision import Decision, Recommendation, ScaleEvent
from cartwheel.autoscaling.limits import limit
from cartwheel.autoscaling.observation import (
    Observation,
    PodSamples,
    Sample,
    Scale,
    Unavailable,
    Values,
)
from cartwheel.autoscaling.quantities import format_number, parse_quantity
from cartwheel.autoscaling.scaling_policies import ScaleEvents
from cartwheel.autoscaling.sentences import explain
from cartwheel.autoscaling.spec import (
    Behavior,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    Metric,
    ObjectMetric,
    PodsMetric,
    PolicyType,
    ResourceMetric,
    ScalingPolicy,
    ScalingRules,
    SelectPolicy,
    Target,
    TargetType,
)
from cartwheel.autoscaling.stabilization import stabilized
from cartwheel.autoscaling.state import State
from tests.autoscaling.worlds import CART, NOW, autoscaler, cpu, observe, old_pod, queue

PERIODS = (15, 60, 300)
fast = settings(deadline=None, max_examples=40)

counts = st.integers(0, 40)
policies = st.builds(
    ScalingPolicy, st.sampled_from(PolicyType), st.integers(1, 200), st.sampled_from(PERIODS)
)
rules = st.builds(
    ScalingRules,
    st.lists(policies, min_size=1, max_size=3),
    st.sampled_from(SelectPolicy),
    st.none() | st.sampled_from((0, 20, 60, 300)),
    st.none() | st.sampled_from((0.0, 0.05, 0.5)),
)
behaviors = st.builds(Behavior, rules, rules)
averages = st.builds(Target, st.just(TargetType.AVERAGE_VALUE), st.integers(1, 50_000))
values = st.builds(Target, st.just(TargetType.VALUE), st.integers(1, 50_000))
shares = st.builds(Target, st.just(TargetType.UTILIZATION), st.integers(1, 300))
metrics: st.SearchStrategy[Metric] = st.one_of(
    st.builds(
        ResourceMetric,
        st.sampled_from(("cpu", "memory")),
        shares | averages,
        st.none() | st.just("app"),
    ),
    st.builds(PodsMetric, st.just("qps"), averages),
    st.builds(ObjectMetric, st.just("qps"), averages | values, st.just("Ingress/main")),
    st.builds(ExternalMetric, st.just("queue"), averages | values),
)


@st.composite
def autoscalers(draw: st.DrawFn) -> HorizontalPodAutoscalerSpec:
    minimum = draw(st.integers(1, 10))
    return HorizontalPodAutoscalerSpec(
        "cart",
        CART,
        minimum + draw(st.integers(0, 30)),
        draw(st.lists(metrics, min_size=1, max_size=3)),
        minimum,
        draw(st.none() | behaviors),
    )


# Every way in which a pod counts or does not.
SHAPES = [
    old_pod(""),
    old_pod("", ready=False),
    old_pod("", ready=None, ready_since=None),
    old_pod("", phase="Pending"),
    old_pod("", phase="Failed"),
    old_pod("", is_deleted=True),
    old_pod("", requests={"app": {}}),
    old_pod("", started_at=NOW - 20, ready_since=NOW - 10),
    old_pod("", started_at=NOW - 20, ready_since=NOW - 20, ready=False),
]
pods = st.lists(st.sampled_from([*SHAPES[:1] * 4, *SHAPES]), max_size=5).map(
    lambda shapes: [replace(one, name=f"cart-{n}") for n, one in enumerate(shapes)]
)
UNAVAILABLE = st.just(Unavailable("down"))
per_pod = st.lists(st.none() | st.integers(0, 300), max_size=6).map(
    lambda values: PodSamples(
        {f"cart-{n}": Sample(one, NOW, 15) for n, one in enumerate(values) if one is not None}
    )
)
single = st.lists(st.integers(0, 10**6), max_size=2).map(Values)


@st.composite
def syncs(draw: st.DrawFn) -> tuple[HorizontalPodAutoscalerSpec, list[Observation]]:
    """An autoscaler, and observations whose replicas are those that it decided."""
    spec = draw(autoscalers())
    replicas, found = draw(st.integers(1, 40)), []
    readings = [
        UNAVAILABLE | (single if isinstance(one, ExternalMetric | ObjectMetric) else per_pod)
        for one in spec.metrics
    ]
    one = HorizontalPodAutoscaler(spec)
    for at in (NOW, NOW + 15, NOW + 60):
        scale = Scale(replicas, replicas + draw(st.sampled_from((0, 0, 1, -1))))
        found.append(Observation(at, scale, draw(pods), [draw(reading) for reading in readings]))
        replicas = one.sync(found[-1]).desired
    return spec, found


@fast
@given(syncs())
def test_the_count_stays_within_minimum_and_maximum(
    case: tuple[HorizontalPodAutoscalerSpec, list[Observation]],
) -> None:
    spec, observations = case
    one = HorizontalPodAutoscaler(spec)
    for observation in observations:
        found = one.sync(observation)
        assert spec.min_replicas <= found.desired <= spec.max_replicas


@fast
@given(syncs())
def test_what_is_written_down_and_read_back_decides_the_same(
    case: tuple[HorizontalPodAutoscalerSpec, list[Observation]],
) -> None:
    spec, observations = case
    one, state = HorizontalPodAutoscaler(spec), State()
    for observation in observations:
        other = HorizontalPodAutoscaler(read_back(spec), state=read_back(state))
        assert other.sync(read_back(observation)) == one.sync(observation)
        state = other.state
        assert state == one.state


@fast
@given(syncs(), st.randoms(use_true_random=False))
def test_the_order_of_the_pods_does_not_matter(
    case: tuple[HorizontalPodAutoscalerSpec, list[Observation]], random: Random
) -> None:
    spec, observations = case
    one, other = HorizontalPodAutoscaler(spec), HorizontalPodAutoscaler(spec)
    for observation in observations:
        shuffled = replace(observation, pods=random.sample(observation.pods, len(observation.pods)))
        first, second = one.sync(observation), other.sync(shuffled)
        assert first.desired == second.desired
        assert numbers(first) == numbers(second)


@fast
@given(syncs())
def test_every_decision_can_be_said_in_sentences(
    case: tuple[HorizontalPodAutoscalerSpec, list[Observation]],
) -> None:
    spec, observations = case
    one = HorizontalPodAutoscaler(spec)
    for observation in observations:
        for sentence in explain(one.sync(observation), spec, observation=observation):
            assert sentence.text.endswith(".")
            assert "None" not in sentence.text


@fast
@given(autoscalers(), st.lists(st.tuples(counts, st.integers(1, 60)), max_size=12), counts)
def test_the_count_alone_is_that_of_a_whole_sync(
    spec: HorizontalPodAutoscalerSpec, steps: list[tuple[int, int]], start: int
) -> None:
    spec = replace(spec, metrics=[ONE_EACH])
    whole, quick = HorizontalPodAutoscaler(spec), HorizontalPodAutoscaler(spec)
    replicas, now = start, NOW
    for total, seconds in steps:
        now += seconds
        found = whole.sync(observe(replicas, queue(total), at=now))
        proposed = found.proposals[0].replicas if found.proposals else 0
        assert quick.count(proposed or 0, current=replicas, now=now) == found.desired
        replicas = found.desired
    assert replace(whole.state, conditions={}) == replace(quick.state, conditions={})


@fast
@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(1, 50_000),
    st.integers(1, 40),
    st.sampled_from((TargetType.AVERAGE_VALUE, TargetType.VALUE)),
)
def test_more_load_never_asks_for_fewer_replicas(
    load: int, more: int, target: int, replicas: int, kind: TargetType
) -> None:
    spec = autoscaler(ExternalMetric("queue", Target(kind, target)), maximum=40)
    low, high = (
        HorizontalPodAutoscaler(spec).sync(observe(replicas, Values([value]))).proposals[0]
        for value in (load, load + more)
    )
    assert (low.replicas or 0) <= (high.replicas or 0)


@fast
@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 300), st.integers(1, 8))
def test_more_cpu_never_asks_for_fewer_replicas(
    usage: int, more: int, target: int, replicas: int
) -> None:
    metric = ResourceMetric("cpu", Target(TargetType.UTILIZATION, target), "app")
    low, high = (
        HorizontalPodAutoscaler(autoscaler(metric))
        .sync(observe(replicas, cpu({f"cart-{n}": value for n in range(replicas)})))
        .proposals[0]
        for value in (usage, usage + more)
    )
    assert (low.replicas or 0) <= (high.replicas or 0)


events = st.lists(st.builds(ScaleEvent, st.integers(1, 20), st.integers(0, 400).map(NOW.__sub__)))


@fast
@given(behaviors, counts, st.integers(1, 40), events, events)
def test_a_policy_never_turns_a_change_round(
    behavior: Behavior, desired: int, current: int, ups: list[ScaleEvent], downs: list[ScaleEvent]
) -> None:
    found = limit(
        desired,
        current=current,
        minimum=1,
        maximum=100,
        behavior=behavior,
        events=ScaleEvents(ups, downs),
        now=NOW,
    ).after
    if desired >= current:
        assert current <= found <= max(desired, current)
    else:
        assert max(desired, 1) <= found <= current


history = st.lists(st.builds(Recommendation, counts, st.integers(0, 400).map(NOW.__sub__)))


@fast
@given(counts, history, counts, st.integers(0, 300), st.integers(0, 300))
def test_stabilization_stays_between_what_was_recommended(
    desired: int, past: list[Recommendation], current: int, up: int, down: int
) -> None:
    found = stabilized(desired, past, current=current, up_window=up, down_window=down, now=NOW)
    window = max(up, down)
    seen = [desired, *(one.replicas for one in past if one.at > NOW - window)]
    assert min(seen) <= found <= max(seen)


@fast
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 400), st.integers(1, 40))
def test_a_steady_load_reaches_a_count_and_stays(
    minimum: int, more: int, load: int, start: int
) -> None:
    spec = autoscaler(minimum=minimum, maximum=minimum + more)
    one, replicas, seen = HorizontalPodAutoscaler(spec), start, []
    for n in range(60):
        replicas = one.sync(observe(replicas, queue(load), at=NOW + 15 * n, pods=[])).desired
        seen.append(replicas)
    assert set(seen[-30:]) == {seen[-1]}
    within = min(max(math.ceil(load / 10), minimum), minimum + more)
    assert seen[-1] == within or 0.9 <= load / (10 * seen[-1]) <= 1.1


@given(st.integers(-(10**12), 10**12))
def test_a_number_that_is_shown_reads_back(thousandths: int) -> None:
    assert parse_quantity(format_number(thousandths).replace(",", "")) == thousandths


ONE_EACH = ExternalMetric("queue", Target(TargetType.AVERAGE_VALUE, 1_000))


def numbers(decision: Decision) -> list[tuple[int | None, int | None, float | None]]:
    return [(one.replicas, one.value, one.final_ratio) for one in decision.proposals]


def read_back(value: Any) -> Any:
    """As a recording would."""
    adapter = adapter_of(type(value))
    return adapter.validate_json(adapter.dump_json(value))


@cache
def adapter_of(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
