"""What a simulation shows of an autoscaler."""

from dataclasses import replace

import pytest

from cartwheel.autoscaling.spec import HorizontalPodAutoscalerSpec
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


def test_a_change_back_soon_is_flapping_and_a_late_one_is_not() -> None:
    up, down, late = Change(0, 2, 5), Change(60, 5, 2), Change(1000, 2, 5)
    assert reversals([up, down, late]) == 1
    assert reversals([up, replace(up, at=30)]) == 0


def test_assumptions_are_read_as_they_are_shown() -> None:
    assumed = parse_assumptions(["capacity=100, start=1.5s", "cpu-request=0.5,cpu-per-request=2ms"])
    assert (assumed.capacity, assumed.start, assumed.cpu_request) == (100, 1.5, 500)
    assert parse_assumptions(describe(assumed).split()) == assumed
