"""What the autoscaler reads is late in the ways that the real chain is."""

import pytest

from cartwheel.simulation.assumptions import Assumptions
from cartwheel.simulation.load_shape import parse_stages
from cartwheel.simulation.metrics import Metrics
from cartwheel.simulation.workload import Workload


def metrics_at(at: float, stages: str, assumed: Assumptions, replicas: int = 2) -> Metrics:
    workload = Workload(parse_stages(stages), assumed, replicas=replicas)
    workload.advance(at)
    return Metrics(workload, assumed)


@pytest.mark.parametrize(("at", "rate"), [(10.0, 10), (11.9, 10), (12.0, 50), (20.0, 50)])
def test_a_step_is_seen_a_scrape_later(at: float, rate: int) -> None:
    found = metrics_at(at, "10s:10,60s:50", Assumptions(window=4, scrape=2)).request_rate()
    assert found == rate * 1000


def test_a_longer_window_sees_a_step_in_part() -> None:
    assumed = Assumptions(window=22, scrape=2)
    assert metrics_at(20, "10s:10,60s:50", assumed).request_rate() == 30_000


def test_a_window_with_one_scrape_has_no_rate() -> None:
    assert metrics_at(20, "60s:10", Assumptions(window=2, scrape=2)).request_rate() == 0


def test_cpu_is_that_of_the_last_sample() -> None:
    assumed = Assumptions(capacity=100, cpu_per_request=1, resolution=15)
    values = {
        at: metrics_at(at, "15s:20,60s:60", assumed).settled_cpu(at // 15 * 15)
        for at in (15, 29, 30)
    }
    assert values == {15: 10, 29: 10, 30: 30}


def test_cpu_is_only_of_requests_that_are_served() -> None:
    assumed = Assumptions(capacity=10, cpu_per_request=1)
    assert metrics_at(60, "60s:1000", assumed).settled_cpu(60) == 10


def test_a_new_replica_has_no_sample_at_first() -> None:
    assumed = Assumptions(start=2, resolution=15, cpu_per_request=1)
    workload = Workload(parse_stages("120s:30"), assumed, replicas=1)
    metrics = Metrics(workload, assumed)
    workload.advance(20)
    workload.scale(2)
    samples = {}
    for at in (44, 45, 60):
        workload.advance(at)
        samples[at] = {name: one.value for name, one in metrics.cpu_samples().samples.items()}
    assert samples[44] == {"replica-1": 22}
    assert samples[45] == {"replica-1": 15, "replica-2": 15}
    assert not metrics.all_are_settled(30)
    assert metrics.all_are_settled(45)
