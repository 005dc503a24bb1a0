"""The neighbours on sockets, and tracking as processes that come and go."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.services.tracking.backend import Shop, eventually, open_backend
from tests.services.tracking.fake_upstreams import SERVICE_TOKEN
from tests.services.tracking.running_service import ADDRESS, eur, subject_of
from tests.services.tracking.sockets import on_the_wire, serving
from tests.support.identity import bearer
from tests.support.processes import ServiceProcess, start_service

STALL = 0.5
"""Seconds; a minute in the shop."""


@dataclass
class TrackingProcesses:
    """The neighbours on sockets, and tracking as a process that comes and goes."""

    shop: Shop
    env: dict[str, str]
    folder: Path

    @asynccontextmanager
    async def tracking(
        self, *, factory: str | None = None, **env: str
    ) -> AsyncIterator[ServiceProcess]:
        changes = {f"CARTWHEEL_{name.upper()}": value for name, value in env.items()}
        async with start_service(
            "tracking", self.env | changes, folder=self.folder, factory=factory
        ) as process:
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
            open_backend(self.shop) as backend,
        ):
            (order,) = (await client.get("/v1/orders")).json()["items"]

            async def has_settled() -> bool:
                answer = await client.get(f"/v1/orders/{order['id']}")
                is_decided = answer.json()["status"] == as_status
                return is_decided and not await backend.orders.due_checkouts(
                    latest=2**61, now=2**60, limit=1
                )

            await eventually(has_settled, within=20)
        return str(order["id"])


@asynccontextmanager
async def tracking_processes(shop: Shop, folder: Path) -> AsyncIterator[TrackingProcesses]:
    """``folder`` gets what the processes say."""
    shop.carts.reader = subject_of
    async with (
        serving(on_the_wire(shop.products)) as products,
        serving(on_the_wire(shop.carts)) as cart,
        serving(on_the_wire(shop.user)) as user,
    ):
        env = {
            "CARTWHEEL_STORE_URL": shop.url,
            "CARTWHEEL_PRODUCTS_URL": products,
            "CARTWHEEL_CART_URL": cart,
            "CARTWHEEL_USER_URL": user,
            "CARTWHEEL_SERVICE_TOKENS": SERVICE_TOKEN,
            "CARTWHEEL_STALL_SECONDS": str(STALL),
            "CARTWHEEL_SWEEP_SECONDS": "0.1",
            "CARTWHEEL_COURIER_STEP_SECONDS": "3600",
        }
        yield TrackingProcesses(shop, env, folder)
