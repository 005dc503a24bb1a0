"""Real stores for carts."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.stores.database import Database
from app.stores.migrations import migrate
from app.stores.valkey import Valkey
from app.telemetry.metrics import Metrics
from services.cart.repository import CartRepository, Retention
from services.cart.repository.sqlite import SqliteCartRepository
from services.cart.repository.valkey import ValkeyCartRepository

STORES = ("sqlite", "valkey")


@pytest.fixture(params=STORES)
async def store_url(request: pytest.FixtureRequest, valkey_server_url: str, tmp_path: Path) -> str:
    """The URL of each kind of store, ready for carts. Tests share the Valkey server."""
    if request.param == "valkey":
        return valkey_server_url
    url = f"sqlite:///{tmp_path}/cart.sqlite3"
    await migrate("services.cart", url)
    return url


@asynccontextmanager
async def open_carts(
    url: str, *, cart: int = 3600, guest_cart: int = 3600, idempotency_key: int = 3600
) -> AsyncIterator[CartRepository]:
    """A repository on a store that is ready; carts and keys are kept for so many seconds."""
    metrics = Metrics("cart")
    retention = Retention(
        cart_seconds=cart,
        guest_cart_seconds=guest_cart,
        idempotency_key_seconds=idempotency_key,
    )
    if url.startswith("sqlite:"):
        async with Database(url, metrics=metrics) as database:
            yield SqliteCartRepository(database, retention)
    else:
        async with Valkey(url, metrics=metrics) as valkey:
            yield ValkeyCartRepository(valkey, retention)


@pytest.fixture
async def carts(store_url: str) -> AsyncIterator[CartRepository]:
    async with open_carts(store_url) as repository:
        yield repository


@pytest.fixture
def shopper() -> str:
    return f"user_{secrets.token_hex(6)}"


@pytest.fixture
def guest() -> str:
    return f"guest_{secrets.token_hex(6)}"
