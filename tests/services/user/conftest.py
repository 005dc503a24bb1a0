"""A migrated store, a clock that the test sets, and the service."""

import shutil
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest

from app.settings import load
from app.stores.database import Database
from app.stores.migrations import migrate
from app.telemetry.metrics import Metrics
from services.user.main import build
from services.user.settings import UserSettings
from tests.support.asgi import running

SERVICE_TOKEN = "the-shop-among-itself-0123456789"


class Clock:
    """Milliseconds since the epoch; set by the test."""

    def __init__(self) -> None:
        self.now = time.time_ns() // 1_000_000

    def __call__(self) -> int:
        return self.now

    def advance(self, *, seconds: float) -> None:
        self.now += int(seconds * 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
async def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("user") / "migrated.db"
    await migrate("services.user", f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'user.db')}"


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    await migrate("services.user", store_url)
    async with Database(store_url, metrics=Metrics("user")) as database:
        yield database


class Store:
    """The service's SQLite file, read directly."""

    def __init__(self, url: str) -> None:
        self._file = url.removeprefix("sqlite:///")

    def everything(self) -> str:
        """The whole content, as SQL."""
        with closing(sqlite3.connect(self._file)) as connection:
            return "\n".join(connection.iterdump())


@pytest.fixture
def store(sqlite_url: str) -> Store:
    return Store(sqlite_url)


class Start(Protocol):
    """Start a replica of the service; settings by field name."""

    def __call__(self, **settings: Any) -> AbstractAsyncContextManager[httpx2.AsyncClient]: ...


@pytest.fixture
def start(sqlite_url: str, clock: Clock) -> Start:
    def start_replica(**settings: Any) -> AbstractAsyncContextManager[httpx2.AsyncClient]:
        defaults = {"store_url": sqlite_url, "service_tokens": (SERVICE_TOKEN,)}
        return running(build(load(UserSettings, **{**defaults, **settings}), clock=clock))

    return start_replica


@pytest.fixture
async def client(start: Start) -> AsyncIterator[httpx2.AsyncClient]:
    async with start() as client:
        yield client
