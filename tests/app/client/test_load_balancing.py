import random
from collections import Counter

import pytest

from app.client.load_balancing import LoadBalancer, Pick, Replica
from app.client.try_result import Outcome
from tests.app.clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_balancer(clock: Clock, count: int) -> LoadBalancer:
    balancer = LoadBalancer(clock, random.Random(7))
    balancer.update(tuple(f"http://replica-{number}" for number in range(count)))
    return balancer


def pick(balancer: LoadBalancer, avoid: Replica | None = None) -> Pick:
    chosen = balancer.pick(avoid=avoid)
    assert chosen is not None
    return chosen


def picked(balancer: LoadBalancer, times: int = 300) -> Counter[str]:
    """Ask the balancer often, all going well."""
    counts: Counter[str] = Counter()
    for _ in range(times):
        chosen = pick(balancer)
        counts[chosen.replica.url] += 1
        balancer.report(chosen, None)
    return counts


def fail(balancer: LoadBalancer, url: str, times: int = 3) -> None:
    """Let a replica fail so many times in a row."""
    while times:
        chosen = pick(balancer)
        failed = chosen.replica.url == url
        balancer.report(chosen, Outcome.FAILED if failed else None)
        times -= failed


def test_without_replicas_there_is_no_pick(clock: Clock) -> None:
    assert make_balancer(clock, 0).pick() is None


def test_idle_replicas_share_the_requests(clock: Clock) -> None:
    counts = picked(make_balancer(clock, 3))

    assert min(counts.values()) > 70


def test_the_less_busy_of_two_is_picked(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)

    with pick(balancer).replica.busy() as _:
        counts = picked(balancer)

    assert len(counts) == 1


def test_the_busiest_of_many_is_never_picked(clock: Clock) -> None:
    balancer = make_balancer(clock, 4)
    busy = pick(balancer).replica

    with busy.busy():
        assert busy.url not in picked(balancer)


def test_a_retry_goes_to_another_replica(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    first = pick(balancer).replica

    assert all(pick(balancer, avoid=first).replica is not first for _ in range(20))


def test_a_retry_goes_to_the_same_replica_if_there_is_no_other(clock: Clock) -> None:
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


def test_a_success_in_between_resets_the_failures(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    for _ in range(10):
        fail(balancer, "http://replica-0", times=2)
        chosen = pick(balancer)
        while chosen.replica.url != "http://replica-0":
            chosen = pick(balancer)
        balancer.report(chosen, Outcome.SUCCEEDED)

    assert "http://replica-0" in picked(balancer)


@pytest.mark.parametrize(("replicas", "ejected"), [(1, 0), (2, 1), (3, 1), (4, 2), (7, 3)])
def test_at_most_half_are_ejected(clock: Clock, replicas: int, ejected: int) -> None:
    balancer = make_balancer(clock, replicas)

    for _ in range(200):
        balancer.report(pick(balancer), Outcome.FAILED)

    assert len(picked(balancer)) == replicas - ejected


def test_an_ejected_replica_comes_back_through_one_probe(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    fail(balancer, "http://replica-0")
    clock.advance(1)

    probe = pick(balancer)
    assert (probe.replica.url, probe.is_probe) == ("http://replica-0", True)
    assert "http://replica-0" not in picked(balancer)
    balancer.report(probe, Outcome.SUCCEEDED)

    assert "http://replica-0" in picked(balancer)


def test_each_failed_probe_doubles_the_wait_up_to_thirty_seconds(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    fail(balancer, "http://replica-0")
    waits = []
    for _ in range(7):
        started = clock.now
        while not (chosen := pick(balancer)).is_probe:
            clock.advance(0.5)
        waits.append(clock.now - started)
        balancer.report(chosen, Outcome.FAILED)

    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_a_late_response_from_before_the_ejection_does_not_end_it(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    late = pick(balancer)
    fail(balancer, late.replica.url)

    balancer.report(late, Outcome.SUCCEEDED)

    assert late.replica.url not in picked(balancer)


def test_after_a_long_healthy_time_an_ejection_is_short_again(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    for _ in range(4):
        fail(balancer, "http://replica-0")
        clock.advance(20)
        balancer.report(pick(balancer), Outcome.SUCCEEDED)
    clock.advance(60)

    fail(balancer, "http://replica-0")
    clock.advance(1)

    assert pick(balancer).is_probe


def take_turn(balancer: LoadBalancer, url: str) -> Pick:
    """Ask for turns until it is that replica's."""
    while (chosen := pick(balancer)).replica.url != url:
        balancer.report(chosen, None)
    return chosen


def test_one_timeout_is_enough_to_eject(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)

    seconds = balancer.report(take_turn(balancer, "http://replica-0"), Outcome.SILENT)

    assert seconds == 1
    assert "http://replica-0" not in picked(balancer)


def test_one_slow_call_among_quick_ones_does_not_eject(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    for _ in range(5):
        slow = take_turn(balancer, "http://replica-0")
        clock.advance(0.1)
        balancer.report(take_turn(balancer, "http://replica-0"), Outcome.SUCCEEDED)
        clock.advance(1)
        balancer.report(slow, Outcome.SILENT)

    assert "http://replica-0" in picked(balancer)


def test_a_replica_that_keeps_all_calls_waiting_is_picked_last(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    waiting = take_turn(balancer, "http://replica-0")
    clock.advance(0.4)

    assert picked(balancer).keys() == {"http://replica-1"}
    balancer.report(waiting, Outcome.SUCCEEDED)
    assert len(picked(balancer)) == 2


def test_all_absent_replicas_are_ejected(clock: Clock) -> None:
    balancer = make_balancer(clock, 5)
    for number in range(4):
        url = f"http://replica-{number}"
        assert balancer.report(take_turn(balancer, url), Outcome.ABSENT) == 0.5

    assert picked(balancer).keys() == {"http://replica-4"}


def test_absent_replicas_do_not_raise_the_number_that_may_be_ejected(clock: Clock) -> None:
    balancer = make_balancer(clock, 4)
    for number in range(2):
        balancer.report(take_turn(balancer, f"http://replica-{number}"), Outcome.ABSENT)

    for _ in range(20):
        balancer.report(pick(balancer), Outcome.FAILED)

    assert len(picked(balancer)) == 1


def test_when_all_refused_all_are_picked_again(clock: Clock) -> None:
    balancer = make_balancer(clock, 3)
    refused: list[Replica] = []
    while chosen := balancer.pick(exclude=refused):
        balancer.report(chosen, Outcome.ABSENT)
        refused.append(chosen.replica)

    assert len(refused) == 3
    assert balancer.count(exclude=refused) == 0
    assert balancer.pick() is not None


def test_an_address_that_returns_to_the_list_has_no_record(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    balancer.report(take_turn(balancer, "http://replica-0"), Outcome.ABSENT)
    balancer.update(("http://replica-1",))
    balancer.update(("http://replica-0", "http://replica-1"))

    assert "http://replica-0" in picked(balancer)


def test_an_absent_address_is_tried_ever_more_rarely_but_never_dropped(clock: Clock) -> None:
    balancer = make_balancer(clock, 2)
    waits = [balancer.report(take_turn(balancer, "http://replica-0"), Outcome.ABSENT)]
    for _ in range(2000):
        clock.advance(8)
        chosen = pick(balancer)
        assert chosen.is_probe
        waits.append(balancer.report(chosen, Outcome.ABSENT))

    assert waits[:6] == [0.5, 1, 2, 4, 8, 8]
    assert waits[-1] == 8
