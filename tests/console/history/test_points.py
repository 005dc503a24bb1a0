"""Charts get few points, and see where nothing was recorded."""

import math
from dataclasses import replace

from cartwheel.console.history.points import Point, columns, point_of
from cartwheel.mesh import Edge, Frame, ReplicaState, ServiceState
from tests.console.synthetic import session


def seconds(*times: float) -> list[Point]:
    return [Point(at, arrivals=at) for at in times]


def test_a_point_has_the_figures_of_the_autoscaler_and_the_latency_of_the_shop() -> None:
    frame = session(31).frames[-1]

    found = point_of(frame)

    assert frame.autoscaler
    assert found.arrivals == frame.autoscaler.arrivals
    assert (found.desired, found.ready, found.serving) == (7, 7, 7)
    assert (found.value, found.target, found.capacity) == (18.2, 20.0, 140.0)
    assert found.p95 == 0.012


def test_without_an_autoscaler_a_point_counts_all_replicas_and_what_enters() -> None:
    replicas = [ReplicaState("a", "serving"), ReplicaState("b", "ready")]
    service = ServiceState("web", 3, [*replicas, ReplicaState("c", "crashed")], p95=0.2)

    found = point_of(Frame(1.0, [service], [Edge("outside", "web", 5.0)]))

    assert found == Point(1.0, arrivals=5.0, desired=3, ready=2, serving=1, p95=0.2)


def test_while_nothing_is_measured_there_are_no_figures_and_0_is_one() -> None:
    service = ServiceState("web", 2, [ReplicaState("a", "ready"), ReplicaState("b", "ready")])

    unknown = point_of(Frame(1.0, [service]))
    none = point_of(Frame(1.0, [replace(service, rate=0.0)]))

    assert unknown == Point(1.0, desired=2, ready=2)
    assert none == Point(1.0, arrivals=0.0, desired=2, ready=2, serving=0)


def test_what_is_not_finite_is_not_drawn() -> None:
    frame = session(1).frames[0]
    assert frame.autoscaler
    broken = replace(frame, autoscaler=replace(frame.autoscaler, value=math.inf))

    assert point_of(broken).value is None


def test_of_each_share_of_the_time_the_last_point_is_drawn() -> None:
    found = columns(seconds(*range(100)), start=0, end=100, count=10)

    assert found["at"] == [9, 19, 29, 39, 49, 59, 69, 79, 89, 99]
    assert found["arrivals"] == found["at"]


def test_a_gap_is_a_point_without_values() -> None:
    found = columns(seconds(1, 2, 3, 12, 13, 14), start=0, end=20, count=100)

    assert found["at"] == [1, 2, 3, 4, 12, 13, 14]
    assert found["arrivals"] == [1, 2, 3, None, 12, 13, 14]


def test_frames_of_an_older_time_have_no_gaps_because_they_are_fewer() -> None:
    times = [0, 10, 20, 30, 40, 41, 42, 43]

    assert columns(seconds(*times), start=0, end=50, count=100)["at"] == times


def test_nothing_recorded_is_nothing_to_draw() -> None:
    found = columns([], start=0, end=0, count=10)

    assert set(map(len, found.values())) == {0}
