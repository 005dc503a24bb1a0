"""Liveness and readiness are different questions."""

import asyncio
import time
from pathlib import Path

import pytest

from app.errors import Unavailable
from app.process.health import CACHE_SECONDS, Health, NotReady
from app.stores.database import Database
from app.telemetry.metrics import Metrics
from tests.app.clocks import Clock
from tests.app.small import build
from tests.support.asgi import running
from tests.support.waiting import until


class Store:
    """A store that fails on demand and counts its calls."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.asked = 0

    async def ping(self) -> None:
        self.asked += 1
        if self.failure is not None:
            raise self.failure


class Gate:
    """A store that answers while its gate is open."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.opened.set()

    async def ping(self) -> None:
        await self.opened.wait()


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
async def test_a_replica_without_its_store_is_alive_but_not_ready(path: str) -> None:
    health = Health()
    health.add("store", Store(ConnectionRefusedError()).ping)
    async with running(build(health=health)) as client:
        assert (await client.get(path)).status_code == 200
        assert (await client.get("/readyz")).status_code == 503


async def test_ready_again_when_the_store_is_back() -> None:
    store = Store(ConnectionRefusedError())
    health = Health()
    health.add("store", store.ping)
    async with running(build(health=health)) as client:
        assert (await client.get("/readyz")).status_code == 503
        store.failure = None

        async def ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        await until(ready)


@pytest.mark.parametrize(
    ("failure", "shown"),
    [
        (NotReady("schema is older than the code"), "schema is older than the code"),
        (Unavailable("The store does not answer."), "The store does not answer."),
        (RuntimeError("password=hush"), "RuntimeError"),
    ],
)
async def test_the_verbose_answer_says_why_without_secrets(failure: Exception, shown: str) -> None:
    health = Health()
    health.add("store", Store(failure).ping)
    health.add("schema", Store().ping)
    async with running(build(health=health)) as client:
        response = await client.get("/readyz?verbose")
        assert response.json() == {
            "status": "unready",
            "checks": {"store": shown, "schema": "ok"},
        }
        assert "checks" not in (await client.get("/readyz")).json()


async def test_a_check_that_hangs_is_a_failure_within_about_a_second() -> None:
    health = Health()
    health.add("store", lambda: asyncio.sleep(60))
    async with running(build(health=health)) as client:
        started = time.monotonic()
        assert (await client.get("/readyz")).status_code == 503
        assert time.monotonic() - started < 2


async def test_a_check_may_time_out_for_five_seconds_under_load() -> None:
    clock, store = Clock(), Gate()
    health = Health(check_timeout=0.01, clock=clock)
    health.add("store", store.ping)
    async with running(build(health=health)) as client:
        assert (await client.get("/readyz")).status_code == 200
        store.opened.clear()
        clock.advance(4)
        assert (await client.get("/readyz")).status_code == 200
        clock.advance(2)
        assert (await client.get("/readyz")).status_code == 503
        store.opened.set()
        clock.advance(1)
        assert (await client.get("/readyz")).status_code == 200


async def test_a_busy_store_leaves_its_service_ready(tmp_path: Path) -> None:
    store = tmp_path / "store.sqlite3"
    store.touch()
    url = f"sqlite:///{store}"
    health = Health(check_timeout=0.5)
    async with Database(url, metrics=Metrics("small"), pool_size=1) as database:
        await database.ping()  # on a busy machine, opening the file may take longer than a check
        health.add("store", database.ping)
        async with running(build(health=health)) as client:
            assert (await client.get("/readyz")).status_code == 200
            async with database.reading("all there is to be read"):
                await asyncio.sleep(CACHE_SECONDS)
                assert (await client.get("/readyz")).status_code == 200


async def test_an_error_of_the_store_makes_a_replica_unready_at_once() -> None:
    store = Store()
    clock = Clock()
    health = Health(clock=clock)
    health.add("store", store.ping)
    async with running(build(health=health)) as client:
        assert (await client.get("/readyz")).status_code == 200
        store.failure = ConnectionRefusedError()
        clock.advance(1)
        assert (await client.get("/readyz")).status_code == 503


async def test_frequent_probes_do_not_load_the_store() -> None:
    store, health = Store(), Health()
    health.add("store", store.ping)
    async with running(build(health=health)) as client:
        await asyncio.gather(*(client.get("/readyz") for _ in range(100)))
    assert store.asked == 1


async def test_a_draining_replica_is_not_ready() -> None:
    app = build()
    async with running(app) as client:
        app.state.lifecycle.start_draining()
        response = await client.get("/readyz")
        assert (response.status_code, response.json()["status"]) == (503, "draining")
