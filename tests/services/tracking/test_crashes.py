"""A real process that is killed at each step of a checkout, and started again."""

import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.services.tracking.backend import Shop, open_backend
from tests.services.tracking.tracking_processes import TrackingProcesses, tracking_processes

FORWARD = ("reserve", "pay", "commit", "take")
BACKWARD = ("refund", "release")


@pytest.fixture
async def processes(sqlite_shop: Shop, tmp_path: Path) -> AsyncIterator[TrackingProcesses]:
    async with tracking_processes(sqlite_shop, tmp_path) as processes:
        yield processes


async def be_killed(processes: TrackingProcesses, *, at: str, payment_mode: str) -> None:
    async with processes.tracking(kill_point=at, payment_mode=payment_mode) as process:
        with pytest.raises(httpx2.TransportError):
            await processes.check_out(process)
        assert await process.exited() == -signal.SIGKILL


@pytest.mark.fault(28, store=("sqlite", "postgres"))
@pytest.mark.parametrize("step", FORWARD)
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_order_whose_process_was_killed_is_finished_by_the_next(
    processes: TrackingProcesses, moment: str, step: str
) -> None:
    await be_killed(processes, at=f"{moment}-{step}", payment_mode="succeed")
    async with processes.tracking() as process:
        order_id = await processes.order_settles(process, as_status="confirmed")
        replayed = await processes.check_out(process)
        assert (replayed.status_code, replayed.json()["id"]) == (201, order_id)
    async with open_backend(processes.shop) as backend:
        assert await backend.money_kept(order_id) == 1000
    assert processes.shop.products.stock("LAMP") == 8
    assert processes.shop.carts.lines["user_ada"] == {}


@pytest.mark.fault(28, store=("sqlite", "postgres"))
@pytest.mark.parametrize("step", BACKWARD)
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_compensation_whose_process_was_killed_is_finished_by_the_next(
    processes: TrackingProcesses, moment: str, step: str
) -> None:
    await be_killed(processes, at=f"{moment}-{step}", payment_mode="decline")
    async with processes.tracking() as process:
        order_id = await processes.order_settles(process, as_status="cancelled")
    async with open_backend(processes.shop) as backend:
        assert await backend.money_kept(order_id) == 0
    assert processes.shop.products.stock("LAMP") == 10
    assert processes.shop.carts.lines["user_ada"] == {"LAMP": 2}


@pytest.mark.fault(28, store=("sqlite", "postgres"))
async def test_a_checkout_killed_before_its_response_is_replayed_by_the_next_process(
    processes: TrackingProcesses,
) -> None:
    await be_killed(processes, at="before-answer", payment_mode="succeed")
    async with processes.tracking() as process:
        answer = await processes.check_out(process)
    assert (answer.status_code, answer.headers["idempotency-replayed"]) == (201, "true")
    assert processes.shop.products.stock("LAMP") == 8


async def test_a_process_that_is_stopped_finishes_its_checkouts(
    processes: TrackingProcesses,
) -> None:
    slowly = {"payment_mode": "slow", "payment_delay": "0.6", "checkout_patience": "0.1"}
    async with processes.tracking(**slowly) as process:
        assert (await processes.check_out(process)).status_code == 202
        started = time.monotonic()
        assert await process.stop() == 0
        assert time.monotonic() - started < 5
    assert processes.shop.products.stock("LAMP") == 8
    assert processes.shop.carts.lines["user_ada"] == {}
