"""The whole service in this process, asked through its front door."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from pydantic import SecretStr

from services.tracking.main import build
from services.tracking.settings import TrackingSettings
from tests.services.tracking.backend import Shop
from tests.services.tracking.fake_upstreams import SERVICE_TOKEN
from tests.support.asgi import running
from tests.support.identity import token
from tests.support.network import FakeNetwork

ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "1 Loom Lane",
    "city": "Ware",
    "postal_code": "SG12 9AA",
    "country": "GB",
}


def subject_of(access_token: str) -> str:
    """Whose cart a token opens."""
    claims = access_token.split(".")[1]
    decoded = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
    return str(json.loads(decoded)["sub"])


def eur(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


@dataclass
class Customer:
    """A customer of the running service."""

    client: httpx2.AsyncClient
    headers: Mapping[str, str]

    async def check_out(
        self, total: Mapping[str, Any] | None = None, *, key: str = "key-1", **changes: Any
    ) -> httpx2.Response:
        body = {"expected_total": total or eur(1000), "address": ADDRESS} | changes
        headers = {**self.headers, "Idempotency-Key": key}
        return await self.client.post("/v1/orders", json=body, headers=headers)

    async def get(self, path: str, **params: Any) -> httpx2.Response:
        return await self.client.get(path, headers=self.headers, params=params)

    async def cancel(self, order_id: str) -> httpx2.Response:
        return await self.client.post(f"/v1/orders/{order_id}:cancel", headers=self.headers)


@dataclass
class RunningService:
    """The running service and the shop around it."""

    shop: Shop
    client: httpx2.AsyncClient

    def customer(self, subject: str = "user_ada", *roles: str) -> Customer:
        bearer = token(subject, roles or ("user",))
        return Customer(self.client, {"authorization": f"Bearer {bearer}"})


def tracking_settings(shop: Shop, **changes: Any) -> TrackingSettings:
    quick: dict[str, Any] = {
        "courier_step_seconds": 3600.0,
        "courier_rounds_seconds": 0.05,
        "events_poll_seconds": 0.05,
        "sweep_seconds": 0.05,
        "log_level": "error",
    }
    return TrackingSettings(
        store_url=shop.url, service_tokens=(SecretStr(SERVICE_TOKEN),), **(quick | changes)
    )


@asynccontextmanager
async def run_service(
    shop: Shop,
    *,
    cart: Callable[[httpx2.Request], Awaitable[httpx2.Response]] | None = None,
    **changes: Any,
) -> AsyncIterator[RunningService]:
    """``cart`` answers in place of the shop's carts."""
    shop.carts.reader = subject_of
    transports = {
        "products": FakeNetwork(shop.products),
        "cart": FakeNetwork(cart or shop.carts),
        "user": FakeNetwork(shop.user),
    }
    app = build(tracking_settings(shop, **changes), transports=transports)
    async with running(app) as client:
        yield RunningService(shop, client)
