"""A store with one table of counters, once each kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.stores.database import Database
from app.stores.statements import Statement
from app.telemetry.metrics import Metrics


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    file = tmp_path / "store.sqlite3"
    file.touch()
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty store."""
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("test")


@pytest.fixture
async def database(url: str, metrics: Metrics) -> AsyncIterator[Database]:
    """A store with a table `counters` that holds a and b, both 0."""
    async with Database(url, metrics=metrics, timeout=30.0) as database:
        async with database.transaction("prepare") as connection:
            await connection.execute(
                Statement("CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)")
            )
            await connection.execute(Statement("INSERT INTO counters VALUES ('a', 0), ('b', 0)"))
        yield database
