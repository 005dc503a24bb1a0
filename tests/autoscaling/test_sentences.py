"""A decision in the words that a person reads."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.keda import KedaAutoscaler, Poll
from cartwheel.autoscaling.keda_sentences import explain_pause, explain_poll
from cartwheel.autoscaling.observation import Observation, PodSamples, Unavailable
from cartwheel.autoscaling.scaled_object import Fallback, Pause, ScaledObject, Trigger
from cartwheel.autoscaling.sentence import Basis
from cartwheel.autoscaling.sentences import explain
from cartwheel.autoscaling.spec import (
    Behavior,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    ResourceMetric,
    SelectPolicy,
    Target,
    TargetType,
)
from tests.autoscaling.worlds import (
    CART,
    CPU,
    FREE,
    NOW,
    QUEUE,
    autoscaler,
    cpu,
    observe,
    old_pod,
    old_pods,
    queue,
    rules,
)


def texts(
    spec: HorizontalPodAutoscalerSpec,
    *observations: Observation,
    units: Mapping[str, str] | None = None,
    now: float | None = None,
) -> list[str]:
    """The sentences about the last of the observations."""
    one = HorizontalPodAutoscaler(spec)
    decisions = [one.sync(each) for each in observations]
    found = explain(decisions[-1], spec, observation=observations[-1], units=units or {}, now=now)
    return [sentence.text for sentence in found]


def test_a_value_per_replica_leads_to_a_count() -> None:
    assert texts(autoscaler(behavior=FREE), observe(4, queue(62.5)), units={"queue": "jobs"}) == [
        "Deployment cart goes from 4 to 7 replicas.",
        "queue is 15.6 jobs per replica; the target is 10 jobs per replica.",
        "Value ÷ target is 1.56, outside the tolerance of 0.90 to 1.10.",
        "It proposes 7 replicas: 1.56 × 4 replicas that exist, rounded up.",
    ]


@pytest.mark.parametrize(
    ("total", "shown"),
    [(44.04, "11.01"), (43.96, "11"), (40.004, "10.001"), (44.41, "11.1")],
    ids=["outside the tolerance", "at its end", "above the target", "further outside"],
)
def test_a_value_has_more_digits_where_its_side_depends_on_them(total: float, shown: str) -> None:
    found = texts(autoscaler(behavior=FREE), observe(4, queue(total)))

    assert f"queue is {shown} per replica; the target is 10 per replica." in found


def test_what_does_not_change_says_so() -> None:
    assert texts(autoscaler(), observe(1, queue(10.5))) == [
        "Deployment cart stays at 1 replica.",
        "queue is 10.5 per replica; the target is 10 per replica.",
        "Value ÷ target is 1.05, within the tolerance of 0.90 to 1.10.",
        "It proposes 1 replica, as many as there are.",
    ]


def test_pods_that_do_not_count_are_named_with_the_reason() -> None:
    starting = old_pod("cart-9", started_at=NOW - 5, ready_since=NOW - 5, ready=False)
    usage = cpu({"cart-0": 90, "cart-1": 90, "cart-9": 500})
    found = texts(
        autoscaler(CPU, behavior=FREE),
        observe(4, usage, pods=[*old_pods(2), old_pod("cart-3"), starting]),
    )
    assert found[1:] == [
        "CPU of the container app is at 90 % of the request; the target is 50 %.",
        "cart-3 not counted: no sample of the metric.",
        "cart-9 not counted: starting and not ready.",
        "Counted as idle, so that it does not grow too far: 2 pods. Value ÷ target becomes 0.90, "
        "from 1.80.",
        "Value ÷ target is 0.90, within the tolerance of 0.90 to 1.10.",
        "It proposes 4 replicas, as many as there are.",
    ]


def test_missing_pods_are_taken_for_busy_when_it_would_shrink() -> None:
    found = texts(
        autoscaler(CPU, behavior=FREE),
        observe(3, cpu({"cart-0": 10}), pods=old_pods(3)),
    )
    assert (
        "Counted as busy, so that it does not shrink too far: 2 pods. Value ÷ target becomes "
        "1.40, from 0.20." in found
    )
    assert found[-1] == (
        "It proposes 3 replicas, as many as there are: those pods would turn the change round."
    )


def test_many_names_are_cut_short() -> None:
    found = texts(autoscaler(CPU), observe(8, cpu({"cart-0": 10}), pods=old_pods(8)))
    assert found[2] == (
        "cart-1, cart-2, cart-3, cart-4, cart-5 and 2 more not counted: no sample of the metric."
    )


def test_of_several_metrics_the_winner_is_named() -> None:
    usage = cpu({"cart-0": 90, "cart-1": 90})
    found = texts(autoscaler(QUEUE, CPU, behavior=FREE), observe(2, queue(20), usage))
    assert found[-1] == ("The highest proposal decides: 4, from CPU of the container app.")


def test_memory_is_shown_in_bytes_and_cores_in_cores() -> None:
    memory = ResourceMetric("memory", Target(TargetType.AVERAGE_VALUE, 64 * 2**20 * 1000))
    cores = ResourceMetric("cpu", Target(TargetType.AVERAGE_VALUE, 250))
    found = texts(
        autoscaler(memory, cores),
        observe(1, cpu({"cart-0": 128 * 2**20 * 1000}), cpu({"cart-0": 100})),
    )
    assert "Memory is 128 MiB per pod; the target is 64 MiB per pod." in found
    assert "CPU is 0.1 cores per pod; the target is 0.25 cores per pod." in found


def test_a_failed_metric_is_said_and_what_follows_from_it() -> None:
    found = texts(autoscaler(CPU, QUEUE), observe(2, PodSamples({}), queue(5)))
    assert found == [
        "Deployment cart stays at 2 replicas.",
        "CPU of the container app could not be used: unable to get metrics for resource cpu: no "
        "metrics returned from resource metrics API.",
        "queue is 2.5 per replica; the target is 10 per replica.",
        "Value ÷ target is 0.25, outside the tolerance of 0.90 to 1.10.",
        "It proposes 1 replica: 0.25 × 2 replicas that exist, rounded up.",
        "A metric is missing, and the others would scale down: nothing changes.",
    ]


def test_stabilization_says_what_holds_it_and_for_how_long() -> None:
    found = texts(
        autoscaler(),
        observe(8, queue(80)),
        observe(8, queue(20), at=NOW + 60),
        now=NOW + 70,
    )
    assert found[-2:] == [
        "Stabilization holds it at 8 instead of 2: the highest recommendation of the last 300 s "
        "was 8, and it counts for another 230 s.",
        "A stabilization window is no cool-down: it does not wait after a change. Each sync takes "
        "the highest recommendation in it, so one peak holds for the whole window.",
    ]


def test_a_recommendation_that_leaves_the_window_has_no_seconds_left() -> None:
    observations = observe(8, queue(80)), observe(8, queue(20), at=NOW + 60)
    found = texts(autoscaler(), *observations, now=NOW + 300.2)
    assert found[-2].endswith("the last 300 s was 8, and it leaves the window now.")


def test_minimum_holds_what_stabilization_would_hold_too() -> None:
    spec = autoscaler(minimum=2)
    found = texts(spec, observe(2, queue(20)), observe(2, queue(0), at=NOW + 60))
    assert found[3:] == [
        "It proposes 0 replicas: 0.00 × 2 replicas that exist, rounded up.",
        "minReplicas is 2; without it 0.",
    ]


def test_a_policy_holds_what_stabilization_would_hold_too() -> None:
    frozen = rules(("Pods", 1, 15), window=300, select_policy=SelectPolicy.DISABLED)
    spec = autoscaler(behavior=Behavior(FREE.scale_up, frozen))
    found = texts(spec, observe(4, queue(40)), observe(4, queue(10), at=NOW + 60))
    assert found[-1] == "Scaling down is disabled (selectPolicy), so 4 instead of 1."
    assert not any("tabilization" in one for one in found)


def test_a_scale_up_that_is_held_is_no_occasion_to_speak_of_cool_downs() -> None:
    slow = rules(("Pods", 9, 15), window=60)
    spec = autoscaler(behavior=Behavior(slow, FREE.scale_down))
    found = texts(spec, observe(4, queue(40)), observe(4, queue(80), at=NOW + 15))
    assert found[-1] == (
        "Stabilization holds it at 4 instead of 8: the lowest recommendation of the last 60 s was "
        "4, and it counts for another 45 s."
    )


def test_a_policy_says_when_it_allows_more() -> None:
    spec = autoscaler(behavior=Behavior(rules(("Pods", 2, 60), ("Percent", 10, 60))))
    found = texts(spec, observe(2, queue(90)), observe(4, queue(90), at=NOW + 15))
    assert found[-1] == (
        "The policy of 2 pods in 60 s, the largest change of 2 policies, limits scaling up, so 4 "
        "instead of 9; it allows more in 45 s."
    )


def test_a_percentage_of_zero_is_said_to_be_zero() -> None:
    spec = autoscaler(minimum=0, behavior=Behavior(rules(("Percent", 900, 15)), FREE.scale_down))
    found = texts(spec, observe(1, queue(0)), observe(0, queue(40), at=NOW + 15))
    assert found[-1] == (
        "A percentage of zero is zero, so 0 instead of 4: only a policy in pods would leave zero."
    )


def test_without_behavior_the_built_in_limit_is_said() -> None:
    assert texts(autoscaler(), observe(2, queue(90)))[-1] == (
        "Without `behavior` one sync at most doubles the count (or sets 4), so 4 instead of 9."
    )


def test_a_disabled_direction_is_said() -> None:
    frozen = Behavior(FREE.scale_up, rules(select_policy=SelectPolicy.DISABLED))
    assert texts(autoscaler(behavior=frozen), observe(8, queue(10)))[-1] == (
        "Scaling down is disabled (selectPolicy), so 8 instead of 1."
    )


@pytest.mark.parametrize(
    ("total", "text"),
    [(900, "maxReplicas is 5; without it 90."), (1, "minReplicas is 3; without it 1.")],
)
def test_a_limit_says_what_it_would_be_without(total: float, text: str) -> None:
    spec = autoscaler(minimum=3, maximum=5, behavior=FREE)
    assert texts(spec, observe(4, queue(total)))[-1] == text


@pytest.mark.parametrize(
    ("replicas", "text"),
    [
        (9, "More than maxReplicas (5): corrected at once, by no metric."),
        (1, "Fewer than minReplicas (2): corrected at once, by no metric."),
        (
            0,
            "The workload has zero replicas, and this autoscaler did not put it there: it does "
            "nothing until somebody sets another number.",
        ),
    ],
)
def test_what_no_metric_decides_is_said(replicas: int, text: str) -> None:
    assert texts(autoscaler(minimum=2, maximum=5), observe(replicas, queue(20)))[1] == text


def test_a_rollout_can_add_a_replica_that_stays() -> None:
    found = texts(autoscaler(behavior=FREE), observe(5, queue(56), status=6))
    assert found[0] == "Deployment cart goes from 5 to 6 replicas."
    assert found[-2:] == [
        "The workload has 6 replicas now and is to have 5: a rollout or a change is under way.",
        "A value per replica is divided by the replicas that exist, the extra ones of a rollout "
        "included, and within the tolerance that number is proposed. So a rollout can add a "
        "replica that stays (kubernetes#138505).",
    ]


def test_a_pod_in_a_resize_is_said_to_be() -> None:
    pods = [old_pod("cart-0", resize="Deferred", has_vertical_autoscaler=True)]
    found = texts(autoscaler(CPU), observe(1, cpu({"cart-0": 50}), pods=pods))
    assert found[-2:] == [
        "cart-0 is being resized (Deferred): its request, and so its utilization, changes without "
        "a change in the load.",
        "A VerticalPodAutoscaler may change the requests of these pods; a utilization is a share "
        "of the request, so both autoscalers act on the same value.",
    ]


def test_each_sentence_says_what_it_rests_on() -> None:
    spec = autoscaler()
    one = HorizontalPodAutoscaler(spec)
    one.sync(observe(8, queue(80)))
    found = explain(one.sync(observe(8, queue(20), at=NOW + 15)), spec)
    assert [sentence.basis for sentence in found] == [
        Basis.COMPUTED,
        Basis.MEASURED,
        Basis.COMPUTED,
        Basis.COMPUTED,
        Basis.COMPUTED,
        Basis.INFERRED,
    ]


def test_a_fallback_is_said_to_be_one() -> None:
    trigger = Trigger("prometheus", TargetType.AVERAGE_VALUE, 20_000)
    spec = ScaledObject("cart", CART, [trigger], fallback=Fallback(0, 4))
    one = KedaAutoscaler(spec)
    found = explain(one.sync(observe(2, Unavailable("timeout"))), one.hpa)
    assert found[1].text == (
        "The metric s0-prometheus could not be read (timeout): KEDA reports the value of its "
        "fallback instead, 40 per replica. The target is 20 per replica."
    )


def test_a_value_that_nobody_divides_has_no_per() -> None:
    metric = ExternalMetric("lag", Target(TargetType.VALUE, 30_000))
    found = texts(autoscaler(metric), observe(2, queue(60)), units={"lag": "s"})
    assert found[1:] == [
        "lag is 60 s; the target is 30 s.",
        "Value ÷ target is 2.00, outside the tolerance of 0.90 to 1.10.",
        "It proposes 4 replicas: 2.00 × 2 ready pods, rounded up.",
    ]


def test_without_a_ready_pod_a_value_leads_to_none() -> None:
    metric = ExternalMetric("lag", Target(TargetType.VALUE, 20_000))
    unready = [old_pod(f"cart-{n}", ready=False) for n in range(2)]
    found = texts(autoscaler(metric), observe(2, queue(60), pods=unready))
    assert found[2:4] == [
        "Value ÷ target is 3.00, outside the tolerance of 0.90 to 1.10.",
        "It proposes 0 replicas: 3.00 × 0 ready pods, rounded up.",
    ]


@pytest.mark.parametrize("target", [TargetType.VALUE, TargetType.AVERAGE_VALUE])
def test_from_zero_the_whole_value_leads_to_a_count(target: TargetType) -> None:
    spec = autoscaler(ExternalMetric("lag", Target(target, 20_000)), minimum=0, behavior=FREE)
    found = texts(spec, observe(1, queue(0)), observe(0, queue(20), at=NOW + 15))
    assert found[2:] == ["It proposes 1 replica: the whole value ÷ the target, rounded up."]


REQUESTS = ScaledObject("cart", CART, [Trigger("prometheus", TargetType.AVERAGE_VALUE, 20_000)])


@pytest.mark.parametrize(
    ("pause", "text"),
    [
        (Pause(), "pauses it at the current number"),
        (Pause(replicas=3), "pauses it at 3 replicas"),
        (Pause(only_scale_in=True), "the count can only grow"),
        (Pause(only_scale_out=True), "the count can only shrink"),
        (Pause(only_scale_in=True, only_scale_out=True), "the count stays"),
    ],
)
def test_a_pause_of_keda_is_said(pause: Pause, text: str) -> None:
    [sentence] = explain_pause(pause)
    assert text in sentence.text
    poll = Poll(NOW, 2, 2, False, "ScaledObjectPaused")
    assert explain_poll(poll, replace(REQUESTS, pause=pause)) == [sentence]


@pytest.mark.parametrize(
    ("poll", "text"),
    [
        (
            Poll(NOW, 0, 1, True, "ScalerActive", ["prometheusScaler"]),
            "prometheusScaler is active: KEDA wakes it to 1 replica.",
        ),
        (
            Poll(NOW, 2, 2, False, "ScalerCooldown", until=NOW + 40),
            "No trigger is active. KEDA lets it rest (0 replicas) when none has been for another "
            "30 s (cooldownPeriod).",
        ),
        (
            Poll(NOW, 2, 0, False, "ScalerNotActive"),
            "No trigger has been active for the cool-down: KEDA sets 0.",
        ),
        (
            Poll(NOW, 2, 2, False, "TriggerError"),
            "A trigger could not be read, and there is no fallback: KEDA changes nothing.",
        ),
        (
            Poll(NOW, 1, 1, True, "ScalerActive"),
            "CPU and memory are always active, which keeps it awake.",
        ),
    ],
)
def test_a_poll_of_keda_is_said(poll: Poll, text: str) -> None:
    assert [one.text for one in explain_poll(poll, REQUESTS, now=NOW + 10)] == [text]
