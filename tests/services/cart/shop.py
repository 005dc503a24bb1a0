"""The cart service with fake products and user services."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from app.settings import load
from services.cart.main import build
from services.cart.settings import CartSettings
from tests.support.asgi import running
from tests.support.identity import jwks_transport, token
from tests.support.network import FakeNetwork

SERVICE_TOKEN = "a-token-services-show-one-another"

Shop = httpx2.AsyncClient


class FakeProducts:
    """Has every product but ``missing``; records the requested SKUs."""

    def __init__(self, missing: Sequence[str] = ("GHOST",)) -> None:
        self.missing = missing
        self.down = False
        self.asked: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        sku = request.url.path.removeprefix("/v1/products/")
        self.asked.append(sku)
        if self.down:
            raise httpx2.ConnectError("nobody there")
        if sku in self.missing:
            return httpx2.Response(404, json={"type": "urn:cartwheel:problem:unknown-product"})
        return httpx2.Response(200, json={"sku": sku, "name": "A thing"})


@asynccontextmanager
async def cart_service(
    store_url: str,
    products: Callable[[httpx2.Request], Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Shop]:
    """A client of one replica."""
    app = build(
        load(CartSettings, store_url=store_url, service_tokens=(SERVICE_TOKEN,), **settings),
        transports={
            "products": FakeNetwork(products or FakeProducts()),
            "user": jwks_transport(),
        },
    )
    async with running(app) as client:
        yield client


def as_shopper(subject: str, **headers: str) -> dict[str, str]:
    role = "guest" if subject.startswith("guest") else "user"
    return {"authorization": f"Bearer {token(subject, roles=(role,))}", **headers}


def as_service() -> dict[str, str]:
    return {"x-service-token": SERVICE_TOKEN}


def problem_of(response: httpx2.Response) -> str:
    """The type of the problem; checks its form."""
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == response.status_code
    return str(problem["type"]).removeprefix("urn:cartwheel:problem:")


def quantities(response: httpx2.Response) -> dict[str, int]:
    assert response.status_code == 200, response.text
    return {line["sku"]: line["quantity"] for line in response.json()["lines"]}
