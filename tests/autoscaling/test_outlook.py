"""What would change the count next is found by asking the autoscaler, so its rules decide."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.decision import Decision
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
from cartwheel.autoscaling.outlook import CountChange, Outlook, look_ahead
from cartwheel.autoscaling.outlook_sentences import describe_outlook
from cartwheel.autoscaling.spec import (
    Behavior,
    ControllerOptions,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    PolicyType,
    ResourceMetric,
    ScaleTarget,
    ScalingPolicy,
    ScalingRules,
    SelectPolicy,
    Target,
    TargetType,
)

OPTIONS = ControllerOptions(sync_period=5.0)
REQUESTS = ExternalMetric("requests", Target(TargetType.AVERAGE_VALUE, 20_000))
CPU = ResourceMetric("cpu", Target(TargetType.UTILIZATION, 60))
UNITS = {"requests": "requests/s"}
FIVE_MORE = ScalingRules((ScalingPolicy(PolicyType.PODS, 5, 15),), stabilization_window_seconds=0)
THREE_LESS = ScalingRules((ScalingPolicy(PolicyType.PODS, 3, 15),), stabilization_window_seconds=20)
CART = HorizontalPodAutoscalerSpec(
    "cart",
    ScaleTarget("Deployment", "cart"),
    min_replicas=2,
    max_replicas=9,
    metrics=[REQUESTS],
    behavior=Behavior(FIVE_MORE, THREE_LESS),
)
ONE_MORE = replace(FIVE_MORE, policies=(ScalingPolicy(PolicyType.PODS, 1, 5),))
DISABLED = replace(THREE_LESS, select_policy=SelectPolicy.DISABLED)


def observed(at: float, replicas: int, *readings: Reading) -> Observation:
    pods = [
        Pod(f"cart-{n}", ready_since=-1e4, started_at=-1e4, requests={"app": {"cpu": 100}})
        for n in range(replicas)
    ]
    return Observation(at, Scale(replicas, replicas), pods, readings)


def requests(rate: float) -> Values:
    return Values([int(rate * 1000)])


def cpu(percent: int, replicas: int) -> PodSamples:
    return PodSamples({f"cart-{n}": Sample(percent, 0.0, 15.0) for n in range(replicas)})


def outlook_after(spec: HorizontalPodAutoscalerSpec, *observations: Observation) -> Outlook:
    autoscaler = HorizontalPodAutoscaler(spec, OPTIONS)
    decision: Decision | None = None
    for one in observations:
        decision = autoscaler.sync(one)
    assert decision is not None
    return look_ahead(spec, observations[-1], decision, state=autoscaler.state, options=OPTIONS)


def texts(outlook: Outlook, spec: HorizontalPodAutoscalerSpec = CART) -> list[str]:
    found = describe_outlook(outlook, spec, options=OPTIONS, units=UNITS)
    return [one.text for one in found]


def shown(change: CountChange | None) -> tuple[int, int, float] | None:
    return change and (change.total, change.replicas, change.after)


def test_it_names_the_next_load_up_and_the_next_load_down() -> None:
    found = outlook_after(CART, observed(0.0, 7, requests(140)))

    assert found.steady is None
    assert [shown(one) for one in found.growth] == [(154_001, 8, 5.0)]
    assert shown(found.shrinking) == (120_000, 6, 20.0)
    assert texts(found) == [
        "With the same load (140 requests/s in all) it stays at 7 replicas.",
        "Above 154 requests/s in all it grows to 8 at the next sync, within 5 s.",
        "At 120 requests/s in all or less it shrinks to 6 after 20 s.",
    ]


@pytest.mark.parametrize(
    ("rate", "load"), [(140.27, "140"), (120.04, "120.04"), (119.97, "119.97")]
)
def test_the_load_is_rounded_unless_its_side_of_a_change_depends_on_it(
    rate: float, load: str
) -> None:
    found = texts(outlook_after(CART, observed(0.0, 7, requests(rate))))

    assert found[0].startswith(f"With the same load ({load} requests/s in all) it ")


def test_a_change_that_the_window_holds_back_comes_with_the_same_load() -> None:
    found = outlook_after(CART, observed(0.0, 7, requests(140)), observed(5.0, 7, requests(90)))

    assert shown(found.steady) == (90_000, 5, 15.0)
    assert (
        texts(found)[0] == "With the same load (90 requests/s in all) it shrinks to 5 after 15 s."
    )


def test_what_happens_anyway_is_said_once() -> None:
    found = outlook_after(CART, observed(0.0, 7, requests(140)), observed(5.0, 7, requests(116)))

    assert texts(found)[:2] == [
        "With the same load (116 requests/s in all) it shrinks to 6 after 15 s.",
        "At 120 requests/s in all or less, the same.",
    ]


def test_seconds_are_counted_from_the_time_that_is_asked_about() -> None:
    autoscaler = HorizontalPodAutoscaler(CART, OPTIONS)
    observation = observed(0.0, 7, requests(140))
    decision = autoscaler.sync(observation)

    found = look_ahead(
        CART, observation, decision, state=autoscaler.state, options=OPTIONS, now=3.0
    )

    assert found.shrinking is not None
    assert found.shrinking.after == 17.0


def test_utilization_is_told_in_whole_percent() -> None:
    spec = replace(CART, metrics=[CPU])

    found = outlook_after(spec, observed(0.0, 5, cpu(60, 5)))

    assert texts(found, spec) == [
        "With the same load it stays at 5 replicas.",
        "At 67 % of the request it grows to 6 at the next sync, within 5 s.",
        "At 48 % of the request or less it shrinks to 4 after 20 s.",
    ]


@pytest.mark.parametrize(
    ("spec", "replicas", "sentence"),
    [
        (CART, 9, "It cannot grow: maxReplicas is 9."),
        (CART, 2, "It cannot shrink: minReplicas is 2."),
        (
            replace(CART, behavior=Behavior(DISABLED, THREE_LESS)),
            5,
            "It cannot grow: scaling up is disabled (selectPolicy).",
        ),
        (
            replace(CART, behavior=Behavior(FIVE_MORE, DISABLED)),
            5,
            "It cannot shrink: scaling down is disabled (selectPolicy).",
        ),
    ],
)
def test_what_keeps_the_count_in_any_case_is_named(
    spec: HorizontalPodAutoscalerSpec, replicas: int, sentence: str
) -> None:
    found = outlook_after(spec, observed(0.0, replicas, requests(20 * replicas)))

    assert sentence in texts(found, spec)


def test_each_of_several_metrics_can_make_it_grow_and_another_one_can_keep_it() -> None:
    spec = replace(CART, metrics=[REQUESTS, CPU])

    found = outlook_after(spec, observed(0.0, 5, requests(100), cpu(60, 5)))

    assert texts(found, spec) == [
        "With the same load (100 requests/s in all) it stays at 5 replicas.",
        "Above 110 requests/s in all of requests it grows to 6 at the next sync, within 5 s.",
        "At 67 % of the request of CPU it grows to 6 at the next sync, within 5 s.",
        "Another metric keeps the count, however low this one falls.",
    ]


@pytest.mark.parametrize("readings", [[Unavailable("down")], [requests(0)]])
def test_without_a_value_or_without_replicas_nothing_is_known(readings: Sequence[Reading]) -> None:
    replicas = 0 if isinstance(readings[0], Values) else 3
    found = outlook_after(CART, observed(0.0, replicas, *readings))

    assert texts(found) == []


def test_with_a_missing_metric_it_cannot_shrink() -> None:
    spec = replace(CART, metrics=[REQUESTS, CPU])

    found = outlook_after(spec, observed(0.0, 5, requests(100), Unavailable("no metrics")))

    assert texts(found, spec)[-1] == "It cannot shrink while a metric is missing."


def test_a_pod_that_does_not_count_adds_nothing_to_the_load() -> None:
    spec = replace(CART, metrics=[CPU])
    starting = Pod("starting", ready=False, ready_since=-5.0, started_at=-5.0)
    failed = Pod("failed", phase="Failed")
    old = observed(0.0, 3)
    busy = {one.name: Sample(900, 0.0, 15.0) for one in (starting, failed)}
    samples = PodSamples({**cpu(60, 3).samples, **busy})
    pods = [*old.pods, starting, failed]

    found = outlook_after(spec, replace(old, pods=pods, readings=[samples]))

    assert found.present is not None
    assert found.present[1] == 180
    assert found.steady is None


def test_nothing_is_known_while_a_ready_pod_has_no_sample() -> None:
    spec = replace(CART, metrics=[CPU])

    found = outlook_after(spec, observed(0.0, 4, cpu(60, 2)))

    assert texts(found, spec) == [
        "What comes next is not known while a ready pod has no sample of the metric."
    ]


def test_a_new_pod_without_a_sample_is_taken_to_share_the_load() -> None:
    spec = replace(CART, metrics=[CPU])
    one = observed(0.0, 4, cpu(80, 3))
    pods = [*one.pods[:3], replace(one.pods[3], started_at=-5.0, ready_since=-4.0)]

    found = outlook_after(spec, replace(one, pods=pods))

    assert texts(found, spec)[0] == "With the same load it stays at 4 replicas."


def test_a_metric_that_could_not_be_used_is_a_gap() -> None:
    spec = replace(CART, metrics=[REQUESTS, CPU])
    one = observed(0.0, 5, requests(100), cpu(60, 5))
    bare = [replace(pod, requests={"app": {}}) for pod in one.pods]

    found = outlook_after(spec, replace(one, pods=bare))

    assert found.has_gaps


def test_growth_because_of_an_earlier_recommendation_is_not_one_for_less_load() -> None:
    spec = replace(CART, metrics=[CPU], behavior=None, max_replicas=10)

    # Ten are recommended, but a sync at most doubles the count.
    found = outlook_after(spec, observed(0.0, 4, cpu(150, 4)))

    assert shown(found.steady) == (600, 10, 5.0)
    assert found.shrinking is None


def test_growth_that_another_metric_asks_for_is_not_told_of_this_one() -> None:
    spec = replace(CART, metrics=[REQUESTS, CPU], behavior=Behavior(ONE_MORE, THREE_LESS))

    found = outlook_after(spec, observed(0.0, 4, requests(200), cpu(10, 4)))

    assert [one.metric for one in found.growth] == [REQUESTS]
    assert "No load makes it grow." not in texts(found, spec)


@settings(max_examples=20, deadline=None)
@given(
    replicas=st.integers(1, 9),
    loads=st.lists(st.integers(0, 250), min_size=1, max_size=6),
    up_window=st.sampled_from([0, 12]),
    has_behavior=st.booleans(),
)
def test_the_autoscaler_does_what_the_outlook_says(
    replicas: int, loads: list[int], up_window: int, has_behavior: bool
) -> None:
    rules = replace(FIVE_MORE, stabilization_window_seconds=up_window)
    spec = replace(CART, behavior=Behavior(rules, THREE_LESS) if has_behavior else None)
    autoscaler = HorizontalPodAutoscaler(spec, OPTIONS)
    for step, load in enumerate(loads):
        observation = observed(5.0 * step, replicas, requests(load))
        decision = autoscaler.sync(observation)
        replicas = decision.desired

    found = look_ahead(spec, observation, decision, state=autoscaler.state, options=OPTIONS)

    for change in (found.steady, found.shrinking, *found.growth):
        if change is not None:
            assert _first_change(autoscaler, observation.at, change.total, replicas) == (
                change.after,
                change.replicas,
            )
    # Without `behavior` an earlier, higher recommendation is still followed: then it grows anyway.
    grows_anyway = found.steady is not None and found.steady.replicas > replicas
    for change in () if grows_anyway else found.growth:
        changed = _first_change(autoscaler, observation.at, change.total - 1, replicas)
        assert changed is None or changed[1] < replicas


def _first_change(
    autoscaler: HorizontalPodAutoscaler, at: float, total: int, replicas: int
) -> tuple[float, int] | None:
    again = HorizontalPodAutoscaler(autoscaler.spec, OPTIONS, autoscaler.state)
    for step in range(1, 80):
        decision = again.sync(observed(at + 5.0 * step, replicas, Values([total])))
        if decision.desired != replicas:
            return 5.0 * step, decision.desired
    return None
