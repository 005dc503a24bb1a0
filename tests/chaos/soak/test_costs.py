"""What a fault costs: the failed requests, the latency, and the time until all is as before."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from cartwheel.chaos.soak.costs import Cost, costs_of, together, undisturbed, usual_latency
from cartwheel.chaos.soak.schedule import Kind
from cartwheel.chaos.soak.session import Change, Wait
from loadtest.figures import Figures
from tests.chaos.soak.soaks import START, change, figures, soak


def costs(seconds: Sequence[Figures], *changes: Change) -> Sequence[Cost]:
    found = soak(changes=changes)
    found.figures = list(seconds)
    return costs_of(found)


def test_failed_requests_are_those_of_its_time() -> None:
    seconds = [figures(n) for n in range(20)]
    seconds[5] = figures(5, failed=7)
    seconds[6] = figures(6, failed=3)
    seconds[12] = figures(12, failed=9)
    (cost,) = costs(seconds, change(Kind.FAULT, "cart-hung", at=5.2, seconds=3))
    assert (cost.failed, cost.requests) == (10, 160)


def test_the_longest_wait_is_that_of_a_request_that_it_met() -> None:
    found = soak(changes=[change(Kind.FAULT, "cart-hung", at=5, seconds=3)])
    found.waits = [
        Wait(START + begin, START + end) for begin, end in ((1, 4.9), (4, 6), (7.9, 9), (9, 20))
    ]
    assert costs_of(found)[0].longest == pytest.approx(2.0)


def test_it_has_recovered_with_the_first_usual_second() -> None:
    seconds = [figures(n) for n in range(20)]
    seconds[8] = figures(8, failed=1)
    seconds[9] = figures(9, p95=2.0)
    (cost,) = costs(seconds, change(Kind.FAULT, "cart-hung", at=5, seconds=3))
    assert cost.recovery == pytest.approx(2.0)


def test_where_the_second_of_its_end_is_usual_there_is_nothing_to_recover_from() -> None:
    seconds = [figures(n) for n in range(20)]
    (cost,) = costs(seconds, change(Kind.RESTART, "products", at=5, seconds=2.4))
    assert cost.recovery == 0.0


def test_where_the_next_fault_begins_first_the_recovery_is_not_known() -> None:
    seconds = [figures(n, failed=1 if n < 15 else 0) for n in range(20)]
    first, second = costs(
        seconds,
        change(Kind.FAULT, "cart-hung", at=3, seconds=3),
        change(Kind.FAULT, "user-killed", at=10),
    )
    assert first.recovery is None
    assert second.recovery == pytest.approx(5.0)


def test_a_kill_costs_what_fails_in_its_second() -> None:
    seconds = [figures(n) for n in range(20)]
    seconds[4] = figures(4, failed=2)
    (cost,) = costs(seconds, change(Kind.FAULT, "cart-killed", at=4.5))
    assert (cost.failed, cost.recovery) == (2, pytest.approx(0.5))


def test_changes_with_one_name_are_counted_together_and_the_dearest_come_first() -> None:
    seconds = [figures(n) for n in range(20)]
    seconds[12] = figures(12, failed=4)
    found = together(
        costs(
            seconds,
            change(Kind.RESTART, "cart", at=1, seconds=2),
            change(Kind.FAULT, "cart-killed", at=5),
            change(Kind.FAULT, "cart-killed", at=12.5),
        )
    )
    assert [(one.name, len(one.costs), one.failed) for one in found] == [
        ("cart-killed", 2, 4),
        ("cart", 1, 0),
    ]


def test_what_was_not_sent_is_a_cost() -> None:
    seconds = [figures(n) for n in range(20)]
    seconds[6] = replace(seconds[6], missed=5)
    (cost,) = costs(seconds, change(Kind.FAULT, "cart-hung", at=5, seconds=3))
    assert cost.missed == 5
    assert together([cost])[0].missed == 5


def test_failures_while_nothing_is_going_on_are_counted_apart() -> None:
    found = soak(changes=[change(Kind.FAULT, "cart-hung", at=5, seconds=3)])
    found.figures[1] = figures(1, failed=2)
    found.figures[6] = figures(6, failed=9)
    found.figures[20] = figures(20, failed=4)
    before, later = undisturbed(found, costs_of(found)).values()
    assert [sum(one.failed for one in seconds) for seconds in (before, later)] == [2, 4]


def test_the_usual_latency_is_that_of_seconds_without_a_failure() -> None:
    seconds = [figures(n, p95=0.1) for n in range(9)] + [figures(9, failed=1, p95=5.0)]
    assert usual_latency(seconds) == pytest.approx(0.3)
    assert usual_latency([]) == pytest.approx(0.1)
