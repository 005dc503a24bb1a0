"""A blocked event loop shows in a metric."""

import asyncio
import time
from functools import partial

import pytest

from app.process.background import BackgroundTask, run_in_background
from app.telemetry.event_loop_lag import measure_lag
from app.telemetry.metrics import Metrics


@pytest.mark.fault(29)
async def test_the_lag_of_the_event_loop_is_measured() -> None:
    metrics = Metrics("test")
    reported: list[float] = []
    measuring = partial(measure_lag, metrics.event_loop_lag, report=reported.append, interval=0.001)
    async with run_in_background(BackgroundTask("measure", measuring)):
        await asyncio.sleep(0.005)
        time.sleep(0.06)  # somebody blocks the loop
        await asyncio.sleep(0.005)
    total = metrics.registry.get_sample_value("event_loop_lag_seconds_sum") or 0.0
    assert total >= 0.05
    assert max(reported) >= 0.05
