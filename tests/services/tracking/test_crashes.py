"""A real process that is killed at each step of a checkout, and started again."""

import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.services.tracking.front import ADDRESS, eur, subject_of
from tests.services.tracking.neighbours import SERVICE_TOKEN, publish_keys
from tests.services.tracking.sockets import on_the_wire, serving
from tests.services.tracking.workshop import Shop, eventually, open_workshop
from tests.support.identity import bearer
from tests.support.processes import ServiceProcess, start_service

FORWARD = ("reserve", "pay", "commit", "take")
BACKWARD = ("refund", "release")
STALL = 0.5
"""Seconds; a minute in the shop."""


@dataclass
class Town:
    """The neighbours on sockets, and tracking as a process that comes and goes."""

    shop: Shop
    env: dict[str, str]
    folder: Path

    @asynccontextmanager
    async def tracking(self, **env: str) -> AsyncIterator[ServiceProcess]:
        changes = {f"CARTWHEEL_{name.upper()}": value for name, value in env.items()}
        async with start_service("tracking", self.env | changes, folder=self.folder) as process:
            yield process

    async def check_out(self, process: ServiceProcess) -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=process.url, timeout=10) as client:
            return await client.post(
                "/v1/orders",
                json={"expected_total": eur(1000), "address": ADDRESS},
                headers=bearer("user_ada") | {"Idempotency-Key": "key-1"},
            )

    async def order_settles(self, process: ServiceProcess, *, as_status: str) -> str:
        """The id of the only order, once it is decided and nothing is left to do about it."""
        async with (
            httpx2.AsyncClient(base_url=process.url, headers=bearer("user_ada")) as client,
            open_workshop(self.shop) as workshop,
        ):
            (order,) = (await client.get("/v1/orders")).json()["items"]

            async def has_settled() -> bool:
                answer = await client.get(f"/v1/orders/{order['id']}")
                is_decided = answer.json()["status"] == as_status
                return is_decided and not await workshop.orders.unfinished(now=2**60, limit=1)

            await eventually(has_settled, within=20)
        return str(order["id"])


@pytest.fixture
async def town(sqlite_shop: Shop, tmp_path: Path) -> AsyncIterator[Town]:
    sqlite_shop.carts.reader = subject_of
    async with (
        serving(on_the_wire(sqlite_shop.products)) as products,
        serving(on_the_wire(sqlite_shop.carts)) as cart,
        serving(on_the_wire(publish_keys)) as user,
    ):
        env = {
            "CARTWHEEL_STORE_URL": sqlite_shop.url,
            "CARTWHEEL_PRODUCTS_URL": products,
            "CARTWHEEL_CART_URL": cart,
            "CARTWHEEL_USER_URL": user,
            "CARTWHEEL_SERVICE_TOKENS": SERVICE_TOKEN,
            "CARTWHEEL_STALL_SECONDS": str(STALL),
            "CARTWHEEL_SWEEP_SECONDS": "0.1",
            "CARTWHEEL_COURIER_STEP_SECONDS": "3600",
        }
        yield Town(sqlite_shop, env, tmp_path)


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
