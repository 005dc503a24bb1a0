"""KEDA around an autoscaler: what it makes, fallback, zero and idle, pause."""

from collections.abc import Sequence

import pytest

from cartwheel.autoscaling.errors import UnsupportedError
from cartwheel.autoscaling.keda import KedaAutoscaler, Poll, generated_autoscaler
from cartwheel.autoscaling.observation import Reading, Unavailable
from cartwheel.autoscaling.scaled_object import (
    Fallback,
    FallbackBehavior,
    Pause,
    ScaledObject,
    Trigger,
)
from cartwheel.autoscaling.spec import (
    Behavior,
    ExternalMetric,
    ResourceMetric,
    SelectPolicy,
    Target,
    TargetType,
)
from tests.autoscaling.worlds import CART, FREE, NOW, cpu, observe, old_pod, queue

DOWN = Unavailable("Prometheus is down")
REQUESTS = Trigger("prometheus", TargetType.AVERAGE_VALUE, 20_000)
CPU_TRIGGER = Trigger("cpu", TargetType.UTILIZATION, 60, container="app")


def scaled_object(*triggers: Trigger, **fields: object) -> ScaledObject:
    return ScaledObject("cart", CART, triggers or (REQUESTS,), **fields)  # type: ignore[arg-type]


class TestGeneratedAutoscaler:
    def test_a_trigger_becomes_an_external_metric_with_kedas_name_and_label(self) -> None:
        found = generated_autoscaler(scaled_object(min_replicas=2, max_replicas=7))
        assert found.name == "keda-hpa-cart"
        assert (found.min_replicas, found.max_replicas) == (2, 7)
        assert list(found.metrics) == [
            ExternalMetric(
                "s0-prometheus",
                Target(TargetType.AVERAGE_VALUE, 20_000),
                "scaledobject.keda.sh/name=cart",
            )
        ]

    def test_its_minimum_is_never_zero(self) -> None:
        assert generated_autoscaler(scaled_object()).min_replicas == 1

    def test_cpu_becomes_a_metric_of_the_container(self) -> None:
        found = generated_autoscaler(scaled_object(CPU_TRIGGER, autoscaler_name="cart"))
        assert found.name == "cart"
        assert list(found.metrics) == [
            ResourceMetric("cpu", Target(TargetType.UTILIZATION, 60), "app")
        ]

    def test_metrics_are_sorted_by_type_and_named_by_their_trigger(self) -> None:
        memory = Trigger("memory", TargetType.UTILIZATION, 80)
        found = generated_autoscaler(scaled_object(memory, REQUESTS, CPU_TRIGGER))
        assert [type(one).__name__ for one in found.metrics] == [
            "ResourceMetric",
            "ExternalMetric",
            "ResourceMetric",
        ]
        assert found.metrics[1] == ExternalMetric(
            "s1-prometheus",
            Target(TargetType.AVERAGE_VALUE, 20_000),
            "scaledobject.keda.sh/name=cart",
        )

    def test_readings_stay_in_the_order_of_the_triggers(self) -> None:
        one = KedaAutoscaler(scaled_object(REQUESTS, CPU_TRIGGER))
        found = one.sync(observe(2, queue(90), cpu({"cart-0": 60, "cart-1": 60})))
        assert [proposal.replicas for proposal in found.proposals] == [2, 5]

    def test_a_formula_is_refused_in_a_sentence(self) -> None:
        with pytest.raises(UnsupportedError, match=r"cart: scalingModifiers\.formula is not"):
            KedaAutoscaler(scaled_object(formula="a + b"))


class TestFallback:
    @pytest.mark.parametrize(
        ("behavior", "current", "desired"),
        [
            (FallbackBehavior.STATIC, 7, 4),
            (FallbackBehavior.STATIC, 2, 4),
            (FallbackBehavior.CURRENT_REPLICAS, 7, 7),
            (FallbackBehavior.CURRENT_REPLICAS_IF_HIGHER, 7, 7),
            (FallbackBehavior.CURRENT_REPLICAS_IF_HIGHER, 2, 4),
            (FallbackBehavior.CURRENT_REPLICAS_IF_LOWER, 7, 4),
            (FallbackBehavior.CURRENT_REPLICAS_IF_LOWER, 2, 2),
        ],
    )
    def test_sets_the_count_by_a_value(
        self, behavior: FallbackBehavior, current: int, desired: int
    ) -> None:
        found = self._fail(Fallback(0, 4, behavior), current, times=1)
        assert found.desired == desired
        assert found.proposals[0].fallback_for == "Prometheus is down"

    def test_comes_after_more_failures_than_the_threshold(self) -> None:
        assert self._fail(Fallback(2, 4), 7, times=2).proposals[0].error is not None
        assert self._fail(Fallback(2, 4), 7, times=3).desired == 4

    def test_a_value_that_was_read_starts_the_count_anew(self) -> None:
        one = KedaAutoscaler(scaled_object(fallback=Fallback(1, 4), behavior=FREE))
        for reading in (DOWN, queue(140), DOWN):
            found = one.sync(observe(7, reading))
        assert found.proposals[0].error is not None

    def test_is_a_value_so_the_tolerance_applies(self) -> None:
        """11 replicas wanted and 10 there: the ratio is 1.1, and nothing changes."""
        found = self._fail(Fallback(0, 11), 10, times=1)
        assert found.desired == 10

    def test_a_target_of_type_value_is_divided_by_the_ready_replicas(self) -> None:
        trigger = Trigger("prometheus", TargetType.VALUE, 20_000)
        one = KedaAutoscaler(scaled_object(trigger, fallback=Fallback(0, 6), behavior=FREE))
        lost = old_pod("c", ready=False, has_unknown_readiness=True)
        pods = [old_pod("a"), old_pod("b"), lost]
        assert one.sync(observe(3, DOWN, pods=pods)).desired == 6

    def test_a_target_of_type_value_needs_a_ready_replica(self) -> None:
        trigger = Trigger("prometheus", TargetType.VALUE, 20_000)
        one = KedaAutoscaler(scaled_object(trigger, fallback=Fallback(0, 6)))
        found = one.sync(observe(1, DOWN, pods=[old_pod("a", ready=False)]))
        assert found.proposals[0].error is not None
        assert "no replica is ready" in found.proposals[0].error

    def test_does_not_stand_for_a_resource(self) -> None:
        one = KedaAutoscaler(scaled_object(CPU_TRIGGER, fallback=Fallback(0, 6)))
        assert one.sync(observe(3, DOWN)).proposals[0].error is not None

    def test_failures_are_kept_in_the_state(self) -> None:
        spec = scaled_object(fallback=Fallback(1, 4), behavior=FREE)
        one = KedaAutoscaler(spec)
        one.sync(observe(7, DOWN))
        assert KedaAutoscaler(spec, state=one.state).sync(observe(7, DOWN)).desired == 4

    @staticmethod
    def _fail(fallback: Fallback, current: int, *, times: int):
        one = KedaAutoscaler(scaled_object(fallback=fallback, behavior=FREE, max_replicas=20))
        return [one.sync(observe(current, DOWN, at=NOW + 15 * n)) for n in range(times)][-1]


def polls(
    spec: ScaledObject, current: int, *readings: Sequence[Reading], step: float = 30
) -> list[Poll]:
    """One poll for each set of readings; a change is made."""
    one, found = KedaAutoscaler(spec), []
    for n, reading in enumerate(readings):
        poll = one.poll(observe(current, *reading, at=NOW + n * step))
        current = poll.desired
        found.append(poll)
    return found


class TestPoll:
    def test_an_active_trigger_wakes_the_workload(self) -> None:
        [found] = polls(scaled_object(), 0, [queue(1)])
        assert (found.desired, found.reason) == (1, "ScalerActive")
        assert found.event is not None
        assert found.event.message == (
            "Scaled apps/v1.Deployment default/cart from 0 to 1, triggered by prometheusScaler"
        )

    def test_a_workload_wakes_to_its_minimum(self) -> None:
        [found] = polls(scaled_object(min_replicas=3), 0, [queue(1)])
        assert found.desired == 3

    def test_a_value_at_the_activation_threshold_is_not_above_it(self) -> None:
        trigger = Trigger("prometheus", TargetType.AVERAGE_VALUE, 20_000, 5_000)
        at, above = polls(scaled_object(trigger), 0, [queue(5)], [queue(5.001)])
        assert (at.desired, at.is_active) == (0, False)
        assert (above.desired, above.is_active) == (1, True)

    def test_an_inactive_workload_cools_down_before_zero(self) -> None:
        spec = scaled_object(cooldown_period=60)
        found = polls(spec, 2, [queue(1)], [queue(0)], [queue(0)], [queue(0)])
        assert [one.desired for one in found] == [2, 2, 2, 0]
        assert [one.reason for one in found[1:]] == [
            "ScalerCooldown",
            "ScalerCooldown",
            "ScalerNotActive",
        ]
        assert found[1].until == NOW + 60

    def test_activity_during_the_cool_down_starts_it_anew(self) -> None:
        spec = scaled_object(cooldown_period=60)
        found = polls(spec, 2, [queue(1)], [queue(0)], [queue(1)], [queue(0)], [queue(0)])
        assert [one.desired for one in found] == [2] * 5

    def test_a_workload_that_was_never_active_waits_for_the_initial_cool_down_alone(self) -> None:
        spec = scaled_object(cooldown_period=600, initial_cooldown_period=45)
        found = polls(spec, 2, [queue(0)], [queue(0)], [queue(0)])
        assert [one.desired for one in found] == [2, 2, 0]

    def test_a_minimum_keeps_it_from_zero(self) -> None:
        found = polls(scaled_object(min_replicas=1), 2, [queue(0)], [queue(0)])
        assert found[-1].desired == 2

    def test_an_idle_count_is_below_the_minimum(self) -> None:
        spec = scaled_object(min_replicas=3, idle_replicas=0, cooldown_period=0)
        found = polls(spec, 5, [queue(1)], [queue(0)], [queue(1)])
        assert [one.desired for one in found] == [5, 0, 3]

    def test_an_inactive_workload_below_its_minimum_is_raised(self) -> None:
        [found] = polls(scaled_object(min_replicas=3), 1, [queue(0)])
        assert found.desired == 3

    def test_an_error_without_fallback_changes_nothing(self) -> None:
        [found] = polls(scaled_object(), 2, [DOWN])
        assert (found.desired, found.reason) == (2, "TriggerError")

    def test_an_error_with_fallback_does_not_go_to_zero(self) -> None:
        found = polls(scaled_object(fallback=Fallback(3, 4)), 2, [DOWN], [DOWN])
        assert found[-1].desired == 2

    def test_an_error_of_one_trigger_leaves_the_other_active(self) -> None:
        [found] = polls(scaled_object(REQUESTS, REQUESTS), 2, [DOWN, queue(1)])
        assert (found.is_active, found.reason) == (True, "PartialTriggerError")

    def test_cpu_alone_is_always_active(self) -> None:
        [found] = polls(scaled_object(CPU_TRIGGER), 1, [cpu({"cart-0": 0})])
        assert found.is_active


class TestPause:
    def test_a_paused_object_decides_nothing(self) -> None:
        one = KedaAutoscaler(scaled_object(pause=Pause()))
        found = one.sync(observe(3, queue(900)))
        assert (found.desired, found.proposals, dict(found.conditions)) == (3, (), {})
        assert one.poll(observe(3, queue(0))).reason == "ScaledObjectPaused"

    def test_a_pause_with_a_count_goes_there(self) -> None:
        [found] = polls(scaled_object(pause=Pause(replicas=0)), 3, [queue(900)])
        assert found.desired == 0

    def test_pausing_one_direction_disables_it_in_the_autoscaler(self) -> None:
        spec = scaled_object(pause=Pause(only_scale_in=True))
        behavior = generated_autoscaler(spec).behavior
        assert behavior is not None
        assert behavior.scale_down.select_policy is SelectPolicy.DISABLED
        assert behavior.scale_up == Behavior().scale_up
        assert KedaAutoscaler(spec).sync(observe(2, queue(900))).desired > 2

    def test_pausing_scale_in_keeps_it_from_zero(self) -> None:
        spec = scaled_object(pause=Pause(only_scale_in=True), cooldown_period=0)
        assert polls(spec, 2, [queue(0)], [queue(0)])[-1].desired == 2

    def test_pausing_scale_out_keeps_it_at_zero(self) -> None:
        spec = scaled_object(pause=Pause(only_scale_out=True))
        [found] = polls(spec, 0, [queue(900)])
        assert (found.desired, found.is_active) == (0, True)
