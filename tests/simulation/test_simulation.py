"""What a simulation shows of an autoscaler."""

from dataclasses import replace

import pytest

from cartwheel.autoscaling.spec import HorizontalPodAutoscalerSpec
from cartwheel.errors import UsageError
from cartwheel.simulation.assumptions import Assumptions, describe, parse_assumptions
from cartwheel.simulation.load_shape import parse_stages
from cartwheel.simulation.run import Change, Run, reversals
from cartwheel.simulation.start import start
from tests.simulation.worlds import BY_CPU, BY_REQUESTS, autoscaler

SPEC = autoscaler()
STEP = "40s:50,120s:130,200s:50"


def run(
    stages: str = STEP,
    spec: HorizontalPodAutoscalerSpec = SPEC,
    **assumed: float,
) -> Run:
    assumptions = Assumptions(**assumed)
    return start(spec, parse_stages(stages), assumptions).run(name="cart")


def test_it_begins_with_what_the_first_rate_needs() -> None:
    assert run().counts[0] == (0, 3)


def test_a_step_is_followed_and_left_again() -> None:
    found = run()
    assert [(one.at, one.before, one.after) for one in found.changes] == [
        (45, 3, 7),
        (180, 7, 4),
        (195, 4, 3),
    ]


def test_the_reaction_is_from_the_step_to_the_decision_and_to_serving() -> None:
    figures = run(start=4).figures
    assert (figures.reaction_decision, figures.reaction_serving) == (5, 9)
    assert figures.lost_minutes == pytest.approx(9 / 60)
    assert figures.over_capacity == pytest.approx(9 * (130 - 120))


def test_a_slow_start_costs_what_it_delays() -> None:
    fast, slow = (run(start=one).figures for one in (2, 30))
    assert slow.lost_minutes - fast.lost_minutes == pytest.approx(28 / 60)
    assert slow.changes == fast.changes


def test_an_overload_that_never_ends_has_no_reaction() -> None:
    figures = run("30s:10,120s:4000").figures
    assert figures.reaction_serving is None
    assert figures.peak_replicas == 7


def test_cpu_sleeps_while_an_io_bound_replica_is_full() -> None:
    """The trap: 40 requests a second fill a replica, with a tenth of the CPU that is asked for."""
    by_cpu, by_requests = (
        run("60s:50,600s:200", autoscaler(metric), capacity=40, cpu_per_request=0.05)
        for metric in (BY_CPU, BY_REQUESTS)
    )
    assert by_cpu.figures.changes == 0
    assert by_cpu.figures.lost_minutes == 10
    assert by_requests.figures.lost_minutes < 0.5


@pytest.mark.parametrize("is_quick", [True, False])
def test_a_replica_has_the_containers_that_the_autoscaler_names(is_quick: bool) -> None:
    spec = autoscaler(
        replace(BY_CPU, container="server"), replace(BY_CPU, container=None), maximum=20
    )
    shape = parse_stages("1m:50,5m:300")
    found = start(spec, shape, Assumptions(), is_quick=is_quick).run(name="cart")
    plain = start(autoscaler(BY_CPU, maximum=20), shape, Assumptions()).run(name="cart")
    assert found.counts == plain.counts
    assert found.figures.peak_replicas > 10


@pytest.mark.parametrize("assumed", [{"delay": 7200.0}, {"resolution": 7200.0}])
def test_a_metric_may_be_hours_late(assumed: dict[str, float]) -> None:
    found = run("1000s:200", autoscaler(BY_CPU), **assumed)
    assert [count for _, count in found.counts] == [4, 7]


@pytest.mark.parametrize("stages", ["1000000000s:1", "99999999s:1..5"])
def test_a_load_that_would_never_end_is_refused(stages: str) -> None:
    with pytest.raises(UsageError):
        run(stages)


def test_more_replicas_than_the_model_takes_are_refused() -> None:
    with pytest.raises(UsageError, match="at most 10,000 replicas"):
        run("60s:1", autoscaler(minimum=100_000_000, maximum=100_000_001))
    with pytest.raises(UsageError, match="at most 10,000 replicas"):
        run("60s:1,300s:1000000000", autoscaler(maximum=100_000_000, behavior=None))


def test_an_autoscaler_that_zero_replicas_disable_is_refused() -> None:
    with pytest.raises(UsageError, match="disabled"):
        start(SPEC, parse_stages(STEP), Assumptions(), replicas=0)


def test_a_change_back_soon_is_flapping_and_a_late_one_is_not() -> None:
    up, down, late = Change(0, 2, 5), Change(60, 5, 2), Change(1000, 2, 5)
    assert reversals([up, down, late]) == 1
    assert reversals([up, replace(up, at=30)]) == 0


def test_assumptions_are_read_as_they_are_shown() -> None:
    assumed = parse_assumptions(["capacity=100, start=1.5s", "cpu-request=0.5,cpu-per-request=2ms"])
    assert (assumed.capacity, assumed.start, assumed.cpu_request) == (100, 1.5, 500)
    assert parse_assumptions(describe(assumed).split()) == assumed
