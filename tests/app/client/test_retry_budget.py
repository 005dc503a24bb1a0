import random

import pytest

from app.client.retry_budget import RetryBudget, jittered_backoff
from tests.app.clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_pauses_lie_between_25_and_250_ms_and_differ() -> None:
    rng = random.Random(1)

    pauses = [jittered_backoff(rng) for _ in range(1000)]

    assert min(pauses) >= 0.025
    assert max(pauses) <= 0.25
    assert max(pauses) - min(pauses) > 0.2


def test_quiet_times_allow_three_retries_a_second_over_ten_seconds(clock: Clock) -> None:
    budget = RetryBudget(clock)

    assert sum(budget.spend() for _ in range(100)) == 30


@pytest.mark.fault(18)
def test_busy_times_allow_a_tenth_of_the_requests(clock: Clock) -> None:
    budget = RetryBudget(clock)
    for _ in range(1000):
        budget.count_request()

    assert sum(budget.spend() for _ in range(1000)) == 100


def test_spent_retries_come_back_after_ten_seconds(clock: Clock) -> None:
    budget = RetryBudget(clock)
    while budget.spend():
        pass

    clock.advance(9)
    assert not budget.spend()
    clock.advance(1)
    assert budget.spend()
