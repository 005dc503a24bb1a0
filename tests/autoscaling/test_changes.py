"""An autoscaler whose manifest changes remembers what a cluster's would."""

from dataclasses import replace

import pytest

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.changes import Engine, changed
from cartwheel.autoscaling.keda import KedaAutoscaler
from cartwheel.autoscaling.observation import Observation, Scale, Unavailable, Values
from cartwheel.autoscaling.pausing import is_paused
from cartwheel.autoscaling.scaled_object import Fallback, Pause, ScaledObject, Trigger
from cartwheel.autoscaling.spec import (
    Behavior,
    ControllerOptions,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    PolicyType,
    ScaleTarget,
    ScalingPolicy,
    ScalingRules,
    SelectPolicy,
    Target,
    TargetType,
)

WORKLOAD = ScaleTarget("Deployment", "cart")
OPTIONS = ControllerOptions(sync_period=5)
UP = ScalingRules((ScalingPolicy(PolicyType.PODS, 5, 15),), stabilization_window_seconds=0)
DOWN = ScalingRules((ScalingPolicy(PolicyType.PODS, 3, 15),), stabilization_window_seconds=60)
HPA = HorizontalPodAutoscalerSpec(
    "cart",
    WORKLOAD,
    max_replicas=10,
    metrics=[ExternalMetric("rate", Target(TargetType.AVERAGE_VALUE, 20_000))],
    min_replicas=2,
    behavior=Behavior(UP, DOWN),
)
KEDA = ScaledObject(
    "cart",
    WORKLOAD,
    [Trigger("prometheus", TargetType.AVERAGE_VALUE, 20_000, metadata={"query": "rate"})],
    min_replicas=2,
    max_replicas=10,
    behavior=Behavior(UP, DOWN),
    autoscaler_name="cart",
)
DISABLED = Behavior(
    replace(UP, select_policy=SelectPolicy.DISABLED),
    replace(DOWN, select_policy=SelectPolicy.DISABLED),
)


def sync(engine: Engine, at: float, *, rate: int | None, current: int) -> int:
    reading = Unavailable("no response") if rate is None else Values([rate * 1000])
    seen = Observation(at, Scale(current, current), [], [reading])
    return engine.sync(seen).desired


def test_it_stabilizes_on_what_was_recommended_before_the_change() -> None:
    engine: Engine = HorizontalPodAutoscaler(HPA, OPTIONS)
    assert sync(engine, 0, rate=160, current=8) == 8
    engine = changed(engine, replace(HPA, max_replicas=9))
    assert sync(engine, 5, rate=40, current=8) == 8
    assert sync(engine, 65, rate=40, current=8) == 5


def test_policies_count_the_changes_of_before() -> None:
    engine: Engine = HorizontalPodAutoscaler(HPA, OPTIONS)
    assert sync(engine, 0, rate=200, current=2) == 7
    engine = changed(engine, replace(HPA, max_replicas=9))
    assert sync(engine, 5, rate=200, current=7) == 7
    assert sync(engine, 15, rate=200, current=7) == 9


def test_a_longer_window_sees_recommendations_that_the_shorter_one_did_not_count() -> None:
    """The controller overwrites one old recommendation at a time, and deletes none."""
    engine: Engine = HorizontalPodAutoscaler(HPA, OPTIONS)
    for at in range(0, 30, 5):
        sync(engine, at, rate=160, current=8)
    down = replace(DOWN, stabilization_window_seconds=5)
    engine = changed(engine, replace(HPA, behavior=Behavior(UP, down)))
    assert sync(engine, 35, rate=100, current=8) == 5
    engine = changed(engine, HPA)
    assert sync(engine, 40, rate=100, current=8) == 8


def test_another_name_is_another_object() -> None:
    engine: Engine = HorizontalPodAutoscaler(HPA, OPTIONS)
    sync(engine, 0, rate=160, current=8)
    assert not changed(engine, replace(HPA, name="hats")).state.recommendations


def test_a_scaled_object_takes_over_the_autoscaler_of_its_name() -> None:
    engine: Engine = HorizontalPodAutoscaler(HPA, OPTIONS)
    sync(engine, 0, rate=160, current=8)
    engine = changed(engine, KEDA)
    assert sync(engine, 5, rate=40, current=8) == 8
    engine = changed(engine, HPA)
    assert sync(engine, 10, rate=40, current=8) == 8
    renamed = changed(engine, replace(KEDA, autoscaler_name="keda-hpa-cart"))
    assert sync(renamed, 15, rate=40, current=8) == 8  # it has seen 8 for the first time
    assert len(renamed.state.hpa.recommendations) == 2


def test_keda_goes_on_counting_failures() -> None:
    engine: Engine = KedaAutoscaler(replace(KEDA, fallback=Fallback(2, 6)), OPTIONS)
    sync(engine, 0, rate=None, current=2)
    sync(engine, 5, rate=None, current=2)
    engine = changed(engine, replace(KEDA, fallback=Fallback(2, 4)))
    assert sync(engine, 10, rate=None, current=2) == 4


def test_keda_deletes_its_autoscaler_for_a_pause_with_all_that_it_remembered() -> None:
    engine: Engine = KedaAutoscaler(KEDA, OPTIONS)
    sync(engine, 0, rate=160, current=8)
    engine = changed(engine, replace(KEDA, pause=Pause()))
    assert sync(engine, 5, rate=40, current=8) == 8
    engine = changed(engine, KEDA)
    assert [one.at for one in engine.state.hpa.recommendations] == []
    assert sync(engine, 10, rate=40, current=8) == 8
    assert sync(engine, 71, rate=40, current=8) == 5


@pytest.mark.parametrize(
    "spec",
    [
        replace(HPA, behavior=DISABLED),
        replace(KEDA, pause=Pause()),
        replace(KEDA, behavior=DISABLED),
        replace(KEDA, pause=Pause(only_scale_in=True, only_scale_out=True)),
    ],
)
def test_a_paused_autoscaler_follows_no_metric(spec: HorizontalPodAutoscalerSpec) -> None:
    engine = changed(HorizontalPodAutoscaler(HPA, OPTIONS), spec)
    assert is_paused(spec)
    assert sync(engine, 0, rate=200, current=4) == 4
    assert sync(engine, 500, rate=0, current=4) == 4


@pytest.mark.parametrize(("bounds", "desired"), [((2, 3), 3), ((6, 10), 6), ((4, 4), 4)])
def test_a_disabled_behavior_keeps_the_count_between_minimum_and_maximum(
    bounds: tuple[int, int], desired: int
) -> None:
    """`reconcileAutoscaler` compares with both before it looks at any metric or behavior."""
    low, high = bounds
    paused = replace(HPA, behavior=DISABLED, min_replicas=low, max_replicas=high)
    engine = changed(HorizontalPodAutoscaler(HPA, OPTIONS), paused)
    assert sync(engine, 0, rate=100, current=4) == desired


def test_a_paused_scaled_object_ignores_its_bounds() -> None:
    engine = changed(KedaAutoscaler(KEDA, OPTIONS), replace(KEDA, pause=Pause(), max_replicas=3))
    assert sync(engine, 0, rate=100, current=4) == 4


@pytest.mark.parametrize(
    "spec",
    [
        HPA,
        replace(HPA, behavior=None),
        replace(HPA, behavior=replace(DISABLED, scale_up=UP)),
        KEDA,
        replace(KEDA, pause=Pause(only_scale_in=True)),
    ],
)
def test_one_direction_alone_is_no_pause(spec: HorizontalPodAutoscalerSpec) -> None:
    assert not is_paused(spec)
