"""A real process that is killed at each step of a checkout, and started again."""

import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.services.tracking.town import Town, town_of
from tests.services.tracking.workshop import Shop, open_workshop

FORWARD = ("reserve", "pay", "commit", "take")
BACKWARD = ("refund", "release")


@pytest.fixture
async def town(sqlite_shop: Shop, tmp_path: Path) -> AsyncIterator[Town]:
    async with town_of(sqlite_shop, tmp_path) as town:
        yield town


async def be_killed(town: Town, *, at: str, payment_mode: str) -> None:
    async with town.tracking(kill_point=at, payment_mode=payment_mode) as process:
        with pytest.raises(httpx2.TransportError):
            await town.check_out(process)
        assert await process.exited() == -signal.SIGKILL


@pytest.mark.parametrize("step", FORWARD)
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_order_whose_process_was_killed_is_finished_by_the_next(
    town: Town, moment: str, step: str
) -> None:
    await be_killed(town, at=f"{moment}-{step}", payment_mode="succeed")
    async with town.tracking() as process:
        order_id = await town.order_settles(process, as_status="confirmed")
        replayed = await town.check_out(process)
        assert (replayed.status_code, replayed.json()["id"]) == (201, order_id)
    async with open_workshop(town.shop) as workshop:
        assert await workshop.money_kept(order_id) == 1000
    assert town.shop.products.stock("LAMP") == 8
    assert town.shop.carts.lines["user_ada"] == {}


@pytest.mark.parametrize("step", BACKWARD)
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_undoing_whose_process_was_killed_is_finished_by_the_next(
    town: Town, moment: str, step: str
) -> None:
    await be_killed(town, at=f"{moment}-{step}", payment_mode="decline")
    async with town.tracking() as process:
        order_id = await town.order_settles(process, as_status="cancelled")
    async with open_workshop(town.shop) as workshop:
        assert await workshop.money_kept(order_id) == 0
    assert town.shop.products.stock("LAMP") == 10
    assert town.shop.carts.lines["user_ada"] == {"LAMP": 2}


async def test_a_process_killed_before_it_answers_answers_the_next_time(town: Town) -> None:
    await be_killed(town, at="before-answer", payment_mode="succeed")
    async with town.tracking() as process:
        answer = await town.check_out(process)
    assert (answer.status_code, answer.headers["idempotency-replayed"]) == (201, "true")
    assert town.shop.products.stock("LAMP") == 8


async def test_a_process_that_is_asked_to_stop_finishes_its_checkouts(town: Town) -> None:
    slowly = {"payment_mode": "slow", "payment_delay": "0.6", "checkout_patience": "0.1"}
    async with town.tracking(**slowly) as process:
        assert (await town.check_out(process)).status_code == 202
        started = time.monotonic()
        assert await process.stop() == 0
        assert time.monotonic() - started < 5
    assert town.shop.products.stock("LAMP") == 8
    assert town.shop.carts.lines["user_ada"] == {}
