import random

import pytest

from app.client.circuit_breaker import MIN_CALLS, CircuitBreaker
from tests.app.clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(clock, random.Random(1))


def call(breaker: CircuitBreaker, *, success: bool | None) -> bool:
    """Make a call if the breaker lets it pass; tell whether it did."""
    permit = breaker.enter()
    if permit is None:
        return False
    breaker.leave(permit, success=success)
    return True


def open_breaker(clock: Clock) -> CircuitBreaker:
    breaker = make_breaker(clock)
    for _ in range(MIN_CALLS):
        call(breaker, success=False)
    assert not breaker.is_closed
    return breaker


def test_breaker_ignores_failures_of_few_calls(clock: Clock) -> None:
    breaker = make_breaker(clock)

    for _ in range(MIN_CALLS - 1):
        call(breaker, success=False)

    assert breaker.is_closed


def test_breaker_stays_closed_while_most_calls_succeed(clock: Clock) -> None:
    breaker = make_breaker(clock)

    for number in range(300):
        call(breaker, success=number % 5 > 1)

    assert breaker.is_closed


def test_breaker_opens_when_half_of_the_calls_fail(clock: Clock) -> None:
    breaker = make_breaker(clock)

    for number in range(MIN_CALLS):
        call(breaker, success=number % 2 == 0)

    assert not call(breaker, success=True)


def test_breaker_forgets_failures_after_ten_seconds(clock: Clock) -> None:
    breaker = make_breaker(clock)
    for _ in range(MIN_CALLS - 1):
        call(breaker, success=False)

    clock.advance(11)
    call(breaker, success=False)

    assert breaker.is_closed


def test_breaker_stays_open_four_to_six_seconds(clock: Clock) -> None:
    lengths = []
    for seed in range(50):
        breaker = CircuitBreaker(clock, random.Random(seed))
        for _ in range(MIN_CALLS):
            call(breaker, success=False)
        lengths.append(breaker.seconds_open)

    assert min(lengths) >= 4
    assert max(lengths) <= 6
    assert max(lengths) - min(lengths) > 1


def test_three_probes_may_pass_at_once_and_close_it(clock: Clock) -> None:
    breaker = open_breaker(clock)
    clock.advance(6)

    permits = [breaker.enter() for _ in range(5)]
    assert [permit is not None for permit in permits] == [True, True, True, False, False]
    for permit in permits[:3]:
        assert permit is not None
        breaker.leave(permit, success=True)

    assert breaker.is_closed


def test_a_failed_probe_opens_it_again(clock: Clock) -> None:
    breaker = open_breaker(clock)
    clock.advance(6)

    call(breaker, success=True)
    call(breaker, success=False)

    assert breaker.seconds_open > 0
    assert not call(breaker, success=True)


def test_an_abandoned_probe_gives_its_place_back(clock: Clock) -> None:
    breaker = open_breaker(clock)
    clock.advance(6)

    for _ in range(10):
        assert call(breaker, success=None)
    for _ in range(3):
        assert call(breaker, success=True)

    assert breaker.is_closed


def test_a_call_from_before_the_opening_does_not_count_as_a_probe(clock: Clock) -> None:
    breaker = make_breaker(clock)
    late = breaker.enter()
    assert late is not None
    for _ in range(MIN_CALLS):
        call(breaker, success=False)
    clock.advance(6)

    breaker.leave(late, success=False)

    assert breaker.seconds_open == 0
