"""The concurrency limit finds what a server can do, whatever its latency is made of.

On a virtual clock: no test waits, and each run is the same.
"""

import pytest

from app.request.concurrency_limit import (
    MIN_SAMPLES,
    TARGET_LATENCY,
    WINDOW,
    ConcurrencyLimit,
    RouteLatency,
)
from tests.app.request.simulated_server import SimulatedServer, Work

BUSY = 0.005
"""Seconds of CPU for a request: 200 a second are the most."""


def adaptive() -> ConcurrencyLimit:
    return ConcurrencyLimit(minimum=8, initial=32, maximum=256)


@pytest.mark.parametrize("overload", [1.5, 3, 10])
def test_an_overloaded_cpu_stays_busy_and_its_latency_near_the_target(overload: float) -> None:
    server, work = SimulatedServer(adaptive()), Work(wait=0.005, cpu=BUSY)
    server.run(5, 200 * overload, work)
    outcome = server.run(60, 200 * overload, work)
    assert outcome.in_time > 0.99 * 200 * 60
    assert outcome.slowest < 2 * TARGET_LATENCY
    assert max(server.limits) <= 1.2 * min(server.limits)


def test_a_fixed_limit_of_the_same_maximum_is_ten_times_as_slow() -> None:
    server, work = SimulatedServer(ConcurrencyLimit.fixed(256)), Work(wait=0.005, cpu=BUSY)
    assert server.run(60, 600, work).slowest > 1


def test_the_limit_rises_until_the_waits_of_all_requests_overlap() -> None:
    server, work = SimulatedServer(adaptive()), Work(wait=0.09, cpu=0.0001)
    server.run(10, 1000, work)
    assert 90 <= server.limit.value <= 256
    assert server.run(10, 1000, work).shed == 0


def test_latencies_that_rise_by_themselves_are_learnt() -> None:
    server, work = SimulatedServer(adaptive()), Work(wait=0.02, cpu=0.0001)
    server.run(10, 200, work)
    work.wait = 0.5
    server.run(20, 200, work)
    assert server.run(10, 200, work).shed == 0


def test_after_a_slow_time_and_a_quiet_moment_the_limit_is_as_strict_as_before() -> None:
    server, work = SimulatedServer(adaptive()), Work(wait=0.005, cpu=BUSY)
    server.run(20, 600, work)
    strict = server.limit.value
    work.wait = 0.5
    server.run(20, 600, work)
    assert server.limit.value > 2 * strict
    work.wait = 0.005
    server.run(5, 50, work)
    server.run(20, 600, work)
    assert abs(server.limit.value - strict) <= 3


@pytest.mark.parametrize("seed", range(5))
def test_noise_does_not_shrink_the_limit(seed: int) -> None:
    server = SimulatedServer(adaptive(), seed=seed)
    work = Work(wait=0.05, cpu=0.0001, jitter=1)
    server.run(30, 400, work)
    assert min(server.limits) >= 32


def test_a_limit_that_is_not_used_stays_as_it_is() -> None:
    server = SimulatedServer(adaptive())
    server.run(60, 5, Work(wait=0.01))
    server.run(60, 5, Work(wait=2.0))
    assert set(server.limits) == {32}


def test_routes_that_are_slow_by_nature_do_not_cost_the_others_their_slots() -> None:
    server = SimulatedServer(adaptive())
    browse, login, checkout = Work(cpu=0.001), Work(wait=0.023), Work(wait=0.4, cpu=0.005)
    mixed = [browse] * 6 + [login] * 2 + [checkout] * 2
    server.run(20, 10, *mixed)
    assert server.run(30, 300, *mixed).shed == 0
    assert server.run(30, 400, *mixed, *[checkout] * 10).slowest < 2.5


def test_a_service_with_slow_routes_alone_is_not_held_at_the_minimum() -> None:
    server, checkout = SimulatedServer(adaptive()), Work(wait=0.4, cpu=0.001)
    server.run(20, 100, checkout)
    assert server.run(10, 100, checkout).shed == 0


def test_a_few_requests_that_hang_do_not_shrink_the_limit() -> None:
    server = SimulatedServer(adaptive())
    hanging, quick = Work(wait=2.4, succeeds=False), Work(wait=0.005, cpu=0.0005)
    server.run(10, 400, *[quick] * 19, hanging)
    assert server.run(20, 400, *[quick] * 19, hanging).shed == 0


def test_a_slow_upstream_takes_nobody_a_slot() -> None:
    server, work = SimulatedServer(adaptive()), Work(upstream=0.01, cpu=0.0001)
    server.run(10, 50, work)
    work.upstream = 3.0
    server.run(10, 50, work)
    assert server.run(10, 50, work).shed == 0
    assert min(server.limits) >= 150


def test_what_is_usual_does_not_matter_after_the_deadline() -> None:
    server, work = SimulatedServer(adaptive()), Work(wait=0.4)
    server.run(20, 10, work)
    work.deadline = 0.3
    server.run(20, 100, work)
    assert server.limit.value == 8


def test_a_caller_who_leaves_hardly_any_time_does_not_shrink_the_limit() -> None:
    server = SimulatedServer(adaptive())
    server.run(20, 400, Work(wait=0.05, deadline=0.04, succeeds=False))
    assert server.limit.value == 32


def test_quick_failures_say_nothing() -> None:
    limit, route = adaptive(), RouteLatency()
    for number in range(1000):
        limit.observe(route, 0.001, in_flight=32, now=float(number), succeeded=False)
    assert limit.value == 32
    assert limit.mean_latency is None


def test_the_limit_changes_once_a_window() -> None:
    limit, route = adaptive(), RouteLatency()
    ends = [
        limit.observe(route, 0.01, in_flight=32, now=number * WINDOW / MIN_SAMPLES)
        for number in range(3 * (MIN_SAMPLES + 1))
    ]
    assert ends == [number % (MIN_SAMPLES + 1) == MIN_SAMPLES for number in range(len(ends))]


@pytest.mark.parametrize(("minimum", "maximum"), [(8, 1), (8, 8), (256, 256), (1, 1)])
def test_a_maximum_that_is_not_above_the_minimum_is_a_fixed_limit(
    minimum: int, maximum: int
) -> None:
    server = SimulatedServer(ConcurrencyLimit(minimum=minimum, initial=32, maximum=maximum))
    server.run(10, 400, Work(wait=0.01, cpu=BUSY))
    server.run(10, 400, Work(wait=1.0))
    assert set(server.limits) == {maximum}
