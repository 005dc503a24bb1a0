"""Many open event streams leave connections for other calls to tracking."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from app.stores.clock import machine_clock
from app.stores.migrations import migrate
from services.storefront.settings import StorefrontSettings
from tests.services.tracking.backend import Shop, an_order, open_backend
from tests.services.tracking.running_service import ADDRESS, eur
from tests.services.tracking.tracking_processes import tracking_processes
from tests.support.identity import bearer
from tests.support.processes import start_service

ACCOUNTS = 103
STREAMS_EACH = 5
AT_ONCE = 32
MAX_STREAMS = StorefrontSettings.model_fields["events_limit"].default


@pytest.fixture
async def shop(tmp_path: Path) -> Shop:
    shop = Shop(f"sqlite:///{tmp_path}/tracking.sqlite3")
    await migrate("services.tracking", shop.url)
    shop.products.add("LAMP", price=500, stock=10)
    shop.carts.fill("user_ada", LAMP=2)
    return shop


@pytest.mark.fault(82)
async def test_a_hundred_accounts_with_five_streams_each_leave_orders_and_checkout_answering(
    shop: Shop, tmp_path: Path
) -> None:
    later = machine_clock() + 30 * 60 * 1000
    async with open_backend(shop) as backend:
        for number in range(ACCOUNTS):
            order = replace(an_order(f"ord_{number:08}", owner=f"user_{number}"), due_at=later)
            await backend.place(order, key="k")
    async with (
        tracking_processes(shop, tmp_path) as processes,
        processes.tracking(stall_seconds="3600") as tracking,
        start_service(
            "storefront",
            {
                "CARTWHEEL_TRACKING_URL": tracking.url,
                "CARTWHEEL_SERVICE_TOKENS": processes.env["CARTWHEEL_SERVICE_TOKENS"],
            },
            folder=tmp_path,
        ) as storefront,
        httpx2.AsyncClient(
            base_url=storefront.url,
            timeout=60,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        ) as client,
        AsyncExitStack() as open_streams,
    ):
        at_once = asyncio.Semaphore(AT_ONCE)
        granted = await asyncio.gather(
            *(
                follow(client, open_streams, number, at_once)
                for number in range(ACCOUNTS)
                for _ in range(STREAMS_EACH)
            )
        )
        assert granted.count(True) == MAX_STREAMS
        ada = bearer("user_ada")
        for _ in range(20):
            orders = await client.get("/api/tracking/v1/orders", headers=ada)
            assert orders.status_code == 200
        placed = await client.post(
            "/api/tracking/v1/orders",
            headers=ada | {"idempotency-key": "key-1"},
            json={"expected_total": eur(1000), "address": ADDRESS},
        )
        assert placed.status_code == 201


async def follow(
    client: httpx2.AsyncClient,
    open_streams: AsyncExitStack,
    number: int,
    at_once: asyncio.Semaphore,
) -> bool:
    """Whether there was a place for this stream, which stays open then.

    Asks again when a busy machine is the reason that there was none.
    """
    path = f"/api/tracking/v1/orders/ord_{number:08}/events"
    async with at_once, asyncio.timeout(60):
        while True:
            stream = client.stream("GET", path, headers=bearer(f"user_{number}"))
            response = await open_streams.enter_async_context(stream)
            if response.status_code == 200:
                return True
            if b":too-many-listeners" in await response.aread():
                return False
            assert response.status_code == 503
            await asyncio.sleep(0.1)
