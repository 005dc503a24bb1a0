"""One sync, from the scale to what is written, in the order of the controller's steps."""

from dataclasses import replace

import pytest

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.decision import Decision, Recommendation, ScaleEvent
from cartwheel.autoscaling.observation import (
    NO_SELECTOR,
    PodSamples,
    Unavailable,
    Values,
    ambiguous_selector,
)
from cartwheel.autoscaling.spec import (
    Behavior,
    ControllerOptions,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    Metric,
    ObjectMetric,
    PodsMetric,
    ResourceMetric,
    SelectPolicy,
    Target,
    TargetType,
)
from cartwheel.autoscaling.state import State
from tests.autoscaling.worlds import (
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

DOWN = Unavailable("the server is down")
STOCK = ExternalMetric("stock", Target(TargetType.AVERAGE_VALUE, 1_000))


def reason(decision: Decision, condition: str) -> tuple[bool, str]:
    found = decision.conditions[condition]
    return found.status, found.reason


def messages(decision: Decision) -> list[str]:
    return [f"{one.reason}: {one.message}" for one in decision.events]


class TestZero:
    def test_zero_replicas_that_somebody_else_set_stay(self) -> None:
        found = HorizontalPodAutoscaler(autoscaler()).sync(observe(0, queue(500)))
        assert found.desired == 0
        assert found.proposals == ()
        assert reason(found, "ScalingActive") == (False, "ScalingDisabled")
        assert reason(found, "AbleToScale") == (True, "SucceededGetScale")

    def test_also_a_minimum_of_zero_does_not_leave_a_zero_that_somebody_else_set(self) -> None:
        found = HorizontalPodAutoscaler(autoscaler(minimum=0)).sync(observe(0, queue(500)))
        assert reason(found, "ScalingActive") == (False, "ScalingDisabled")

    def test_an_autoscaler_leaves_the_zero_that_it_set(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler(minimum=0, behavior=FREE))
        down = one.sync(observe(1, queue(0)))
        assert down.desired == 0
        assert reason(down, "ScaledToZero") == (True, "ScaledToZero")
        idle = one.sync(observe(0, queue(0), at=NOW + 15))
        assert idle.desired == 0
        assert reason(idle, "ScaledToZero") == (True, "ScaledToZero")
        up = one.sync(observe(0, queue(35), at=NOW + 30))
        assert up.desired == 4
        assert reason(up, "ScaledToZero") == (False, "NotScaledToZero")

    def test_a_policy_in_percent_alone_never_leaves_zero(self) -> None:
        percent = Behavior(rules(("Percent", 900, 15)), FREE.scale_down)
        one = HorizontalPodAutoscaler(autoscaler(minimum=0, behavior=percent))
        one.sync(observe(1, queue(0)))
        found = one.sync(observe(0, queue(35), at=NOW + 30))
        assert found.desired == 0
        assert reason(found, "ScalingLimited") == (True, "ScaleUpLimit")

    def test_a_value_needs_no_ready_pod_and_no_tolerance_to_leave_zero(self) -> None:
        metric = ExternalMetric("queue", Target(TargetType.VALUE, 10_000))
        one = HorizontalPodAutoscaler(autoscaler(metric, minimum=0))
        one.sync(observe(1, queue(0), at=NOW - 301))
        down = one.sync(observe(1, queue(0)))
        assert down.desired == 0
        assert one.sync(observe(0, queue(10.5), at=NOW + 15)).desired == 2

    def test_a_minimum_raised_meanwhile_is_reached_at_once(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler(minimum=0, behavior=FREE))
        one.sync(observe(1, queue(0)))
        raised = HorizontalPodAutoscaler(autoscaler(minimum=3, behavior=FREE), state=one.state)
        found = raised.sync(observe(0, queue(0), at=NOW + 15))
        assert found.desired == 3
        assert messages(found) == [
            "SuccessfulRescale: New size: 3; reason: Current number of replicas below "
            "Spec.MinReplicas"
        ]

    def test_a_controller_without_the_feature_forgets_who_set_zero(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler(minimum=0, behavior=FREE))
        one.sync(observe(1, queue(0)))
        old = HorizontalPodAutoscaler(one.spec, ControllerOptions(scale_to_zero=False), one.state)
        found = old.sync(observe(0, queue(500), at=NOW + 15))
        assert found.desired == 0
        assert "ScaledToZero" not in found.conditions


class TestCorrection:
    def test_more_than_the_maximum_is_corrected_whatever_the_metrics_and_policies_say(
        self,
    ) -> None:
        frozen = Behavior(
            rules(select_policy=SelectPolicy.DISABLED), rules(select_policy=SelectPolicy.DISABLED)
        )
        found = HorizontalPodAutoscaler(autoscaler(maximum=4, behavior=frozen)).sync(
            observe(9, DOWN)
        )
        assert (found.current, found.desired) == (9, 4)
        assert found.proposals == ()
        assert found.stabilization is None
        assert reason(found, "AbleToScale") == (True, "SucceededRescale")
        assert messages(found) == [
            "SuccessfulRescale: New size: 4; reason: Current number of replicas above "
            "Spec.MaxReplicas"
        ]

    def test_fewer_than_the_minimum_are_corrected(self) -> None:
        found = HorizontalPodAutoscaler(autoscaler(minimum=3)).sync(observe(2, DOWN))
        assert found.desired == 3
        assert messages(found) == [
            "SuccessfulRescale: New size: 3; reason: Current number of replicas below "
            "Spec.MinReplicas"
        ]

    def test_a_correction_recommends_nothing_but_counts_for_the_policies(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler(maximum=4, behavior=FREE))
        one.sync(observe(9, queue(0)))
        assert one.state.recommendations == (Recommendation(9, NOW),)
        assert one.state.scale_downs == (ScaleEvent(5, NOW),)

    def test_comes_before_a_problem_with_the_selector(self) -> None:
        observation = replace(observe(9, queue(0)), selector_problem=NO_SELECTOR)
        assert HorizontalPodAutoscaler(autoscaler(maximum=4)).sync(observation).desired == 4


class TestSelector:
    def test_two_autoscalers_of_the_same_pods_both_stop(self) -> None:
        problem = ambiguous_selector("app=cart", ["shop/cart", "shop/cart-2"])
        observation = replace(observe(2, queue(100)), selector_problem=problem)
        found = HorizontalPodAutoscaler(autoscaler()).sync(observation)
        assert found.desired == 2
        assert reason(found, "ScalingActive") == (False, "AmbiguousSelector")
        message = (
            "pods by selector app=cart are controlled by more than one HPA "
            "(e.g. [shop/cart shop/cart-2])"
        )
        assert messages(found) == [
            f"AmbiguousSelector: {message}",
            f"FailedComputeMetricsReplicas: {message}",
        ]

    def test_a_scale_without_selector_is_not_scaled(self) -> None:
        observation = replace(observe(2, queue(100)), selector_problem=NO_SELECTOR)
        found = HorizontalPodAutoscaler(autoscaler()).sync(observation)
        assert reason(found, "ScalingActive") == (False, "InvalidSelector")
        assert messages(found) == [
            "SelectorRequired: selector is required",
            "FailedComputeMetricsReplicas: selector is required",
        ]


class TestMetrics:
    def test_the_highest_proposal_wins(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler(QUEUE, STOCK, behavior=FREE))
        found = one.sync(observe(2, queue(30), queue(5)))
        assert [one.replicas for one in found.proposals] == [3, 5]
        assert (found.winner, found.desired) == (1, 5)
        assert messages(found) == [
            "SuccessfulRescale: New size: 5; reason: external metric stock(nil) above target"
        ]
        assert found.conditions["ScalingActive"].message == (
            "the HPA was able to successfully calculate a replica count from "
            "external metric stock(nil)"
        )

    def test_of_equal_proposals_the_first_wins(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler(QUEUE, STOCK))
        assert one.sync(observe(2, queue(30), queue(3))).winner == 0

    def test_with_one_missing_the_others_may_scale_up(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler(QUEUE, STOCK, behavior=FREE))
        found = one.sync(observe(2, DOWN, queue(5)))
        assert found.desired == 5
        assert reason(found, "ScalingActive") == (True, "ValidMetricFound")
        assert [one.reason for one in found.events] == [
            "FailedGetExternalMetric",
            "SuccessfulRescale",
        ]

    def test_with_one_missing_the_others_may_not_scale_down(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler(QUEUE, STOCK, behavior=FREE))
        found = one.sync(observe(4, queue(10), DOWN))
        assert (found.winner, found.desired) == (None, 4)
        assert [proposal.replicas for proposal in found.proposals] == [1, None]
        assert reason(found, "ScalingActive") == (False, "FailedGetExternalMetric")

    def test_without_any_the_first_failure_is_the_reason(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler(CPU, QUEUE))
        found = one.sync(observe(4, PodSamples({}), DOWN))
        assert found.desired == 4
        assert reason(found, "ScalingActive") == (False, "FailedGetContainerResourceMetric")
        no_cpu = (
            "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics "
            "returned from resource metrics API"
        )
        assert messages(found) == [
            f"FailedGetContainerResourceMetric: {no_cpu}",
            "FailedGetExternalMetric: unable to get external metric shop/queue/nil: the server is "
            "down",
            "FailedComputeMetricsReplicas: invalid metrics (2 invalid out of 2), first error is: "
            f"failed to get app container metric value: {no_cpu}",
        ]

    def test_a_failure_leaves_the_other_conditions_as_they_were(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler(maximum=3))
        one.sync(observe(3, queue(90)))
        found = one.sync(observe(3, DOWN, at=NOW + 15))
        assert reason(found, "ScalingLimited") == (True, "TooManyReplicas")
        assert reason(found, "AbleToScale") == (True, "SucceededGetScale")

    def test_a_failure_recommends_nothing(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler())
        one.sync(observe(3, DOWN))
        assert one.state.recommendations == (Recommendation(3, NOW),)

    def test_the_ready_pods_are_multiplied_not_the_current_count(self) -> None:
        starting = old_pod("new", ready=False, started_at=NOW - 5, ready_since=NOW - 5)
        pods = [*old_pods(2), starting]
        usage = cpu({"cart-0": 20, "cart-1": 20, "new": 90})
        one = HorizontalPodAutoscaler(autoscaler(CPU, behavior=FREE))
        found = one.sync(observe(3, usage, pods=pods))
        assert found.proposals[0].base == 2
        assert found.proposals[0].replicas == 1

    def test_a_container_that_is_not_there_fails_the_metric(self) -> None:
        metric = replace(CPU, container="proxy")
        found = HorizontalPodAutoscaler(autoscaler(metric)).sync(observe(1, cpu({"cart-0": 1})))
        assert found.proposals[0].error == "container proxy not found in Pod cart-0"

    def test_a_container_without_request_fails_the_metric_of_the_pod(self) -> None:
        pod = old_pod("cart-0", requests={"app": {"cpu": 100}, "proxy": {}})
        metric = replace(CPU, container=None)
        found = HorizontalPodAutoscaler(autoscaler(metric)).sync(
            observe(1, cpu({"cart-0": 1}), pods=[pod])
        )
        assert found.proposals[0].error == (
            "missing request for cpu in container proxy of Pod cart-0"
        )

    def test_requests_of_the_pod_need_none_of_each_container(self) -> None:
        pod = old_pod(
            "cart-0", requests={"app": {"cpu": 100}, "proxy": {}}, pod_requests={"cpu": 200}
        )
        metric = replace(CPU, container=None)
        found = HorizontalPodAutoscaler(autoscaler(metric)).sync(
            observe(1, cpu({"cart-0": 100}), pods=[pod])
        )
        assert found.proposals[0].value == 50

    def test_samples_of_unready_pods_alone_are_no_samples(self) -> None:
        pod = old_pod("cart-0", phase="Pending")
        found = HorizontalPodAutoscaler(autoscaler(CPU)).sync(
            observe(1, cpu({"cart-0": 100}), pods=[pod])
        )
        assert found.proposals[0].error == (
            "did not receive metrics for targeted pods (pods might be unready)"
        )

    def test_a_value_per_replica_is_divided_by_the_replicas_that_exist(self) -> None:
        """kubernetes#138505: within the tolerance the surge pod of a rollout stays."""
        one = HorizontalPodAutoscaler(autoscaler(behavior=FREE))
        found = one.sync(observe(5, queue(56), status=6))
        assert found.proposals[0].is_within_tolerance
        assert found.desired == 6

    def test_a_value_within_its_tolerance_needs_no_pods(self) -> None:
        metric = ExternalMetric("queue", Target(TargetType.VALUE, 10_000))
        one = HorizontalPodAutoscaler(autoscaler(metric))
        assert one.sync(observe(3, queue(10), pods=[])).proposals[0].replicas == 3
        assert one.sync(observe(3, queue(20), pods=[])).proposals[0].error == (
            "unable to calculate ready pods: no pods returned by selector while calculating "
            "replica count"
        )

    def test_an_autoscaler_without_metrics_is_refused(self) -> None:
        with pytest.raises(ValueError, match="cart has no metric"):
            HorizontalPodAutoscaler(replace(autoscaler(), metrics=()))


UTILIZATION = Target(TargetType.UTILIZATION, 50)
AVERAGE = Target(TargetType.AVERAGE_VALUE, 1000)
VALUE = Target(TargetType.VALUE, 1000)


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (
            ResourceMetric("cpu", UTILIZATION),
            "failed to get cpu resource metric value: failed to get cpu utilization: unable to "
            "get metrics for resource cpu: down",
        ),
        (
            ResourceMetric("memory", AVERAGE, "app"),
            "failed to get app container metric value: failed to get memory usage: unable to get "
            "metrics for resource memory: down",
        ),
        (
            PodsMetric("qps", AVERAGE),
            "failed to get pods metric value: unable to get metric qps: down",
        ),
        (
            ObjectMetric("qps", VALUE, "Ingress/main"),
            "failed to get object metric value: unable to get metric qps on Ingress shop/main: "
            "down",
        ),
        (
            ObjectMetric("qps", AVERAGE, "Ingress/main"),
            "failed to get object metric value: failed to get qps object metric: unable to get "
            "metric qps on Ingress shop/main: down",
        ),
        (
            ExternalMetric("s0-prometheus", AVERAGE, "scaledobject.keda.sh/name=cart"),
            "failed to get s0-prometheus external metric value: failed to get s0-prometheus "
            "external metric: unable to get external metric shop/s0-prometheus/"
            "&LabelSelector{MatchLabels:map[string]string{scaledobject.keda.sh/name: cart,},"
            "MatchExpressions:[]LabelSelectorRequirement{},}: down",
        ),
        (
            ExternalMetric("queue", VALUE),
            "failed to get queue external metric value: failed to get external metric queue: "
            "unable to get external metric shop/queue/nil: down",
        ),
    ],
)
def test_a_failed_metric_is_named_in_the_controllers_words(metric: Metric, words: str) -> None:
    found = HorizontalPodAutoscaler(autoscaler(metric)).sync(observe(1, Unavailable("down")))
    assert found.events[-1].message == (
        f"invalid metrics (1 invalid out of 1), first error is: {words}"
    )


@pytest.mark.parametrize(
    ("selector", "labels", "expressions"),
    [
        ("b=2,a=1", "a: 1,b: 2,", ""),
        (
            "a=1,tier in (web,api)",
            "a: 1,",
            "LabelSelectorRequirement{Key:tier,Operator:In,Values:[web api],},",
        ),
        (
            "tier notin (web)",
            "",
            "LabelSelectorRequirement{Key:tier,Operator:NotIn,Values:[web],},",
        ),
        ("tier", "", "LabelSelectorRequirement{Key:tier,Operator:Exists,Values:[],},"),
        ("!tier", "", "LabelSelectorRequirement{Key:tier,Operator:DoesNotExist,Values:[],},"),
    ],
)
def test_a_selector_is_printed_as_the_controller_does(
    selector: str, labels: str, expressions: str
) -> None:
    metric = ExternalMetric("queue", AVERAGE, selector)
    found = HorizontalPodAutoscaler(autoscaler(metric)).sync(observe(1, Unavailable("down")))
    assert (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}: down"
    ) in found.events[0].message


class TestStabilization:
    def test_a_controller_that_starts_does_not_scale_down_at_once(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler())
        found = one.sync(observe(8, queue(10)))
        assert found.desired == 8
        assert reason(found, "AbleToScale") == (True, "ScaleDownStabilized")
        assert found.stabilization is not None
        assert found.stabilization.held_by == Recommendation(8, NOW)
        assert found.stabilization.until == NOW + 300

    def test_without_behavior_the_beginning_of_the_window_still_counts(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler())
        one.sync(observe(8, queue(80)))
        assert one.sync(observe(8, queue(10), at=NOW + 300)).desired == 8
        assert one.sync(observe(8, queue(10), at=NOW + 301)).desired == 1

    def test_with_behavior_the_beginning_of_the_window_does_not_count(self) -> None:
        spec = autoscaler(behavior=Behavior(FREE.scale_up, rules(("Percent", 100, 15), window=60)))
        one = HorizontalPodAutoscaler(spec)
        one.sync(observe(8, queue(80)))
        assert one.sync(observe(8, queue(10), at=NOW + 59)).desired == 8
        assert one.sync(observe(8, queue(10), at=NOW + 60)).desired == 1

    def test_scaling_up_can_be_held_back_too(self) -> None:
        spec = autoscaler(behavior=Behavior(rules(("Percent", 900, 15), window=60)))
        one = HorizontalPodAutoscaler(spec)
        one.sync(observe(2, queue(20)))
        found = one.sync(observe(2, queue(70), at=NOW + 15))
        assert found.desired == 2
        assert reason(found, "AbleToScale") == (True, "ScaleUpStabilized")
        assert found.stabilization is not None
        assert found.stabilization.held_by == Recommendation(2, NOW)
        assert one.sync(observe(2, queue(70), at=NOW + 60)).desired == 7

    def test_what_was_recommended_is_recorded_and_not_what_was_done(self) -> None:
        spec = autoscaler(behavior=Behavior(rules(("Pods", 1, 15))))
        one = HorizontalPodAutoscaler(spec)
        found = one.sync(observe(2, queue(90)))
        assert found.desired == 3
        assert one.state.recommendations[-1] == Recommendation(9, NOW)
        # The full recommendation keeps it up, when the load has gone, for the whole window.
        assert one.sync(observe(3, queue(10), at=NOW + 15)).desired == 3

    def test_a_window_is_no_cool_down(self) -> None:
        """kubernetes#101371: nothing waits after a change; recommendations are compared."""
        spec = autoscaler(behavior=Behavior(FREE.scale_up, rules(("Percent", 100, 15), window=30)))
        one = HorizontalPodAutoscaler(spec)
        one.sync(observe(8, queue(80), at=NOW))
        one.sync(observe(8, queue(40), at=NOW + 15))
        first = one.sync(observe(8, queue(20), at=NOW + 30))
        second = one.sync(observe(4, queue(20), at=NOW + 45))
        assert (first.desired, second.desired) == (4, 2)

    def test_the_memory_is_bounded_by_the_window(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler())
        for n in range(1000):
            one.sync(observe(3, queue(30), at=NOW + 15 * n))
        assert len(one.state.recommendations) <= 300 / 15 + 2


class TestPolicies:
    def test_a_policy_limits_the_step(self) -> None:
        spec = autoscaler(behavior=Behavior(rules(("Pods", 2, 60))))
        one = HorizontalPodAutoscaler(spec)
        found = one.sync(observe(2, queue(90)))
        assert found.desired == 4
        assert reason(found, "ScalingLimited") == (True, "ScaleUpLimit")
        assert found.rate_limit is not None
        assert found.rate_limit.until == NOW + 60

    def test_changes_of_the_period_count(self) -> None:
        spec = autoscaler(behavior=Behavior(rules(("Pods", 2, 60))))
        one = HorizontalPodAutoscaler(spec)
        one.sync(observe(2, queue(90)))
        waiting = one.sync(observe(4, queue(90), at=NOW + 15))
        assert waiting.desired == 4
        assert waiting.rate_limit is not None
        assert waiting.rate_limit.until == NOW + 60
        assert one.sync(observe(4, queue(90), at=NOW + 60)).desired == 6

    def test_a_change_also_counts_for_a_longer_period_of_the_other_direction(self) -> None:
        unequal = Behavior(rules(("Pods", 2, 600)), rules(("Pods", 3, 15)))
        one = HorizontalPodAutoscaler(autoscaler(behavior=unequal))
        for current, seconds in [(6, 0), (5, 5), (4, 10), (3, 30)]:
            found = one.sync(observe(current, queue(10 * current - 10), at=NOW + seconds))
            assert found.desired == current - 1
        # The fourth took the place of the third, as the controller does it; two more are counted.
        assert [event.at - NOW for event in one.state.scale_downs] == [0, 5, 30]
        assert one.sync(observe(2, queue(90), at=NOW + 35)).desired == 2 + 3 + 2

    def test_without_behavior_no_change_is_remembered(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler())
        assert one.sync(observe(2, queue(90))).desired == 4
        assert one.state.scale_ups == ()

    def test_without_behavior_it_at_most_doubles(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler())
        found = one.sync(observe(3, queue(90)))
        assert found.desired == 6
        assert reason(found, "ScalingLimited") == (True, "ScaleUpLimit")

    def test_without_behavior_one_replica_may_become_four(self) -> None:
        assert HorizontalPodAutoscaler(autoscaler()).sync(observe(1, queue(90))).desired == 4

    def test_percent_are_rounded_up_when_growing_and_dropped_when_shrinking(self) -> None:
        half = Behavior(rules(("Percent", 1, 15)), rules(("Percent", 50, 15)))
        assert (
            HorizontalPodAutoscaler(autoscaler(behavior=half)).sync(observe(3, queue(90))).desired
            == 4
        )
        assert (
            HorizontalPodAutoscaler(autoscaler(behavior=half)).sync(observe(5, queue(1))).desired
            == 2
        )

    def test_a_disabled_direction_does_not_change(self) -> None:
        frozen = Behavior(FREE.scale_up, rules(select_policy=SelectPolicy.DISABLED))
        found = HorizontalPodAutoscaler(autoscaler(behavior=frozen)).sync(observe(8, queue(10)))
        assert found.desired == 8

    def test_the_tolerance_is_tested_before_the_behavior(self) -> None:
        spec = autoscaler(behavior=Behavior(rules(("Percent", 900, 15), tolerance=0.5)))
        found = HorizontalPodAutoscaler(spec).sync(observe(4, queue(59)))
        assert found.stabilization is not None
        assert found.stabilization.before == 4
        assert reason(found, "AbleToScale") == (True, "ReadyForNewScale")
        assert found.events == []


class TestEvents:
    def test_scaling_up_names_the_metric(self) -> None:
        one = HorizontalPodAutoscaler(autoscaler(CPU))
        found = one.sync(observe(2, cpu({"cart-0": 90, "cart-1": 90})))
        assert messages(found) == [
            "SuccessfulRescale: New size: 4; reason: cpu container resource utilization "
            "(percentage of request) above target"
        ]
        assert found.conditions["AbleToScale"].message == (
            "the HPA controller was able to update the target scale to 4"
        )

    def test_scaling_down_names_no_metric(self) -> None:
        found = HorizontalPodAutoscaler(autoscaler(behavior=FREE)).sync(observe(8, queue(20)))
        assert messages(found) == [
            "SuccessfulRescale: New size: 2; reason: All metrics below target"
        ]

    def test_nothing_is_written_when_nothing_changes(self) -> None:
        assert HorizontalPodAutoscaler(autoscaler()).sync(observe(2, queue(20))).events == []


def test_an_autoscaler_goes_on_from_a_state() -> None:
    spec: HorizontalPodAutoscalerSpec = autoscaler(behavior=Behavior(rules(("Pods", 2, 60))))
    one = HorizontalPodAutoscaler(spec)
    one.sync(observe(2, queue(90)))
    other = HorizontalPodAutoscaler(spec, state=one.state)
    observation = observe(4, queue(90), at=NOW + 15)
    assert other.sync(observation) == one.sync(observation)
    assert other.state == one.state


def test_a_state_does_not_change_with_the_autoscaler() -> None:
    one = HorizontalPodAutoscaler(autoscaler())
    before = one.state
    one.sync(observe(2, Values([0])))
    assert before == State()
