import random
from collections import Counter

import pytest

from app.balancing import Balancer, Replica, Turn
from tests.app.clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_balancer(clock: Clock, count: int) -> Balancer:
    balancer = Balancer(clock, random.Random(7))
    balancer.update(tuple(f"http://replica-{number}" for number in range(count)))
    return balancer


def pick(balancer: Balancer, avoid: Replica | None = None) -> Turn:
    turn = balancer.pick(avoid=avoid)
    assert turn is not None
    return turn


def picked(balancer: Balancer, times: int = 300) -> Counter[str]:
    """Ask the balancer often, all going well."""
    counts: Counter[str] = Counter()
    for _ in range(times):
        turn = pick(balancer)
        counts[turn.replica.url] += 1
        balancer.report(turn, success=None)
    return counts


def fail(balancer: Balancer, url: str, times: int = 3) -> None:
    """Let a replica fail so many times in a row."""
    while times:
        turn = pick(balancer)
        failed = turn.replica.url == url
        balancer.report(turn, success=False if failed else None)
        times -= failed


def test_without_replicas_there_is_nobody_to_pick(clock: Clock) -> None:
    assert make_balancer(clock, 0).pick() is None


def test_idle_replicas_share_the_requests(clock: Clock) -> None:
    counts = picked(make_balancer(clock, 3))

    assert min(counts.values()) > 70


def test_of_two_the_less_busy_one_is_picked(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)

    with pick(balancer).replica.busy() as _:
        counts = picked(balancer)

    assert len(counts) == 1


def test_the_busiest_of_many_is_never_picked(clock: Clock) -> None:
    balancer = make_balancer(clock, 4)
    busy = pick(balancer).replica

    with busy.busy():
        assert busy.url not in picked(balancer)


def test_a_second_try_goes_elsewhere(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    first = pick(balancer).replica

    assert all(pick(balancer, avoid=first).replica is not first for _ in range(20))


def test_a_second_try_goes_to_the_same_one_if_it_is_alone(clock: Clock) -> None:
    balancer = make_balancer(clock, 1)
    first = pick(balancer).replica

    assert pick(balancer, avoid=first).replica is first


def test_a_replica_that_left_is_not_picked_and_a_new_one_is(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)

    balancer.update(("http://replica-1", "http://replica-2"))

    assert picked(balancer).keys() == {"http://replica-1", "http://replica-2"}


def test_a_replica_that_stays_keeps_its_history(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    fail(balancer, "http://replica-0")

    balancer.update(("http://replica-0", "http://replica-1", "http://replica-2"))

    assert "http://replica-0" not in picked(balancer)


def test_three_failures_in_a_row_eject(clock: Clock) -> None:
    balancer = make_balancer(clock, 3)

    fail(balancer, "http://replica-0", times=2)
    assert "http://replica-0" in picked(balancer)
    fail(balancer, "http://replica-0", times=1)
    assert "http://replica-0" not in picked(balancer)


def test_a_success_in_between_forgives(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    for _ in range(10):
        fail(balancer, "http://replica-0", times=2)
        turn = pick(balancer)
        while turn.replica.url != "http://replica-0":
            turn = pick(balancer)
        balancer.report(turn, success=True)

    assert "http://replica-0" in picked(balancer)


@pytest.mark.parametrize(("replicas", "ejected"), [(1, 0), (2, 1), (3, 1), (4, 2), (7, 3)])
def test_at_most_half_are_ejected(clock: Clock, replicas: int, ejected: int) -> None:
    balancer = make_balancer(clock, replicas)

    for _ in range(200):
        balancer.report(pick(balancer), success=False)

    assert len(picked(balancer)) == replicas - ejected


def test_an_ejected_replica_comes_back_through_one_probe(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    fail(balancer, "http://replica-0")
    clock.advance(1)

    probe = pick(balancer)
    assert (probe.replica.url, probe.probe) == ("http://replica-0", True)
    assert "http://replica-0" not in picked(balancer)
    balancer.report(probe, success=True)

    assert "http://replica-0" in picked(balancer)


def test_each_failed_probe_doubles_the_wait_up_to_thirty_seconds(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    fail(balancer, "http://replica-0")
    waits = []
    for _ in range(7):
        started = clock.now
        while not (turn := pick(balancer)).probe:
            clock.advance(0.5)
        waits.append(clock.now - started)
        balancer.report(turn, success=False)

    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_a_late_answer_from_before_the_ejection_does_not_end_it(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    late = pick(balancer)
    fail(balancer, late.replica.url)

    balancer.report(late, success=True)

    assert late.replica.url not in picked(balancer)


def test_a_replica_that_was_well_for_long_starts_with_the_shortest_wait(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    for _ in range(4):
        fail(balancer, "http://replica-0")
        clock.advance(20)
        balancer.report(pick(balancer), success=True)
    clock.advance(60)

    fail(balancer, "http://replica-0")
    clock.advance(1)

    assert pick(balancer).probe
