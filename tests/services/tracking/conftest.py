"""A shop to work on, over each store."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.stores.migrations import migrate
from tests.services.tracking.backend import Backend, Shop, open_backend


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with our tables, to be copied."""
    path = tmp_path_factory.mktemp("tracking") / "tracking.sqlite3"
    asyncio.run(migrate("services.tracking", f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_shop(empty_store: Path, tmp_path: Path) -> Shop:
    """A shop with ten lamps and an empty SQLite store."""
    return _shop(f"sqlite:///{shutil.copy(empty_store, tmp_path)}")


@pytest.fixture(params=("sqlite", "postgres"))
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind that can hold orders."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/tracking.sqlite3"


@pytest.fixture
async def shop(store_url: str) -> Shop:
    """A shop with ten lamps, over each store."""
    await migrate("services.tracking", store_url)
    return _shop(store_url)


@pytest.fixture
async def backend(shop: Shop) -> AsyncIterator[Backend]:
    async with open_backend(shop) as opened:
        yield opened


def _shop(url: str) -> Shop:
    shop = Shop(url)
    shop.products.add("LAMP", price=500, stock=10)
    shop.carts.fill("user_ada", LAMP=2)
    return shop
