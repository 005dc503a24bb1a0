import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartwheel.simulation.assumptions import Assumptions
from cartwheel.simulation.load_shape import from_points, parse_stages
from cartwheel.simulation.workload import Overload, Workload


def test_what_exceeds_the_capacity_is_shed() -> None:
    workload = Workload(parse_stages("10s:50,10s:30"), Assumptions(capacity=20), replicas=2)
    workload.advance(20)
    workload.finish()
    assert (workload.served, workload.shed, workload.lost) == (700, 100, 10)
    assert workload.overloads == [Overload(0, 10)]


def test_with_a_queue_requests_wait_and_are_served_later() -> None:
    assumed = Assumptions(capacity=20, queue=1)
    workload = Workload(parse_stages("2s:50,10s:30"), assumed, replicas=2)
    workload.advance(12)
    workload.finish()
    assert (workload.shed, workload.over_capacity, workload.served) == (0, 20, 400)
    assert workload.overloads == [Overload(0, 4)]


def test_a_full_queue_sheds() -> None:
    assumed = Assumptions(capacity=20, queue=0.5)
    workload = Workload(parse_stages("10s:50"), assumed, replicas=2)
    workload.advance(10)
    assert workload.waiting == 20
    assert workload.shed == pytest.approx(80)


def test_a_new_replica_serves_when_it_is_ready() -> None:
    workload = Workload(parse_stages("60s:50"), Assumptions(capacity=20, start=5), replicas=2)
    workload.advance(10)
    workload.scale(3)
    workload.advance(60)
    assert workload.ready_counts == [(0, 2), (15, 3)]
    assert workload.shed == 150


def test_the_youngest_replicas_are_removed_first() -> None:
    workload = Workload(parse_stages("60s:5"), Assumptions(start=30), replicas=2)
    workload.scale(4)
    workload.advance(1)
    workload.scale(1)
    assert [one.name for one in workload.replicas] == ["replica-1"]
    assert workload.ready == 1


def test_without_a_replica_everything_is_shed() -> None:
    workload = Workload(parse_stages("10s:5"), Assumptions(queue=3), replicas=0)
    workload.advance(10)
    assert (workload.served, workload.shed) == (0, 50)


@settings(deadline=None)
@given(
    rates=st.lists(st.integers(0, 500), min_size=2, max_size=20),
    scales=st.lists(st.integers(0, 12), min_size=1, max_size=20),
    queue=st.sampled_from((0.0, 0.3, 10.0)),
    start=st.sampled_from((0.0, 0.7, 30.0)),
    offset=st.sampled_from((0.0, 1.7e9)),
)
def test_every_request_is_served_or_shed_or_waits(
    rates: list[int], scales: list[int], queue: float, start: float, offset: float
) -> None:
    shape = from_points((offset + n * 1.5, float(rate)) for n, rate in enumerate(rates))
    workload = Workload(shape, Assumptions(queue=queue, start=start), replicas=3)
    for number, count in enumerate(scales):
        workload.advance(offset + number)
        workload.scale(count)
    workload.advance(max(shape.end, workload.now))
    total = workload.served + workload.shed + workload.waiting
    assert total == pytest.approx(shape.arrived(workload.now), rel=1e-5, abs=1e-3)
