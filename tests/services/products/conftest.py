"""The service with the real catalogue, on real stores."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from app.stores.database import Database
from app.stores.migrations import migrate
from app.telemetry.metrics import Metrics
from services.products.main import build
from services.products.seed import seed
from services.products.settings import ProductsSettings
from tests.support.asgi import running
from tests.support.identity import FreshBearer, jwks_transport

SERVICE = {"x-service-token": "the-token-of-services"}
STAFF = FreshBearer("staff_1", roles=("user", "staff"))


# A busy machine must not look like a store that is away.
PATIENT: dict[str, object] = {"store_patience": 60, "request_timeout": 60}


def settings_for(url: str, **changes: object) -> ProductsSettings:
    values = {"store_url": url, "service_tokens": SERVICE["x-service-token"]}
    return ProductsSettings.model_validate(values | PATIENT | changes)


@pytest.fixture
async def sqlite_url(tmp_path: Path) -> str:
    """A migrated SQLite store without products."""
    url = f"sqlite:///{tmp_path}/products.sqlite3"
    await migrate("services.products", url)
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store without tables, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/each.sqlite3"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
async def database(empty_url: str) -> AsyncIterator[Database]:
    """A migrated store without products, of each kind."""
    await migrate("services.products", empty_url)
    async with Database(empty_url, metrics=Metrics("products"), timeout=60) as database:
        yield database


@pytest.fixture
async def seeded_url(empty_url: str, database: Database) -> str:
    """A store with the whole catalogue, of each kind."""
    await seed(database, currency="EUR")
    return empty_url


@pytest.fixture
async def shop(sqlite_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The service with the whole catalogue, on SQLite."""
    async with Database(sqlite_url, metrics=Metrics("products")) as database:
        await seed(database, currency="EUR")
    app = build(settings_for(sqlite_url), transports={"user": jwks_transport()})
    async with running(app) as client:
        yield client
