"""What is measured of the replicas that an autoscaler scales."""

from types import SimpleNamespace

import pytest

from cartwheel.local.autoscaling.measurements import CpuMetric, Measurements
from cartwheel.local.replica_process import State


def replica(state: State) -> SimpleNamespace:
    """On a port at which nothing listens."""
    return SimpleNamespace(name="cart-1", state=state, port=1, pid=None)


@pytest.mark.parametrize("state", [State.STARTING, State.CRASHED, State.DRAINING])
async def test_a_replica_that_cannot_respond_yet_or_any_more_is_not_scraped(state: State) -> None:
    measurements = Measurements([CpuMetric()], resolution=1.0, scrape_timeout=5.0)
    await measurements.measure([replica(state)])
    assert measurements.failures == {}


async def test_a_ready_replica_that_cannot_be_scraped_is_a_failure() -> None:
    measurements = Measurements([CpuMetric()], resolution=1.0, scrape_timeout=5.0)
    await measurements.measure([replica(State.READY)])
    assert measurements.failures == {"cart-1": "does not respond to a scrape"}
