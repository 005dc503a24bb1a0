"""A service whose store has no tables yet, or those of another version of the code."""

import asyncio
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.stores.database import Database
from app.stores.schema import newest_version, version_table
from app.stores.statements import Statement
from app.telemetry.metrics import Metrics
from tests.faults.real_stores import RealShop, run_sql
from tests.support.http_load import Connection, HttpRequest
from tests.support.processes import ROOT, ServiceProcess, start_service
from tests.support.waiting import until

pytestmark = [pytest.mark.quick, pytest.mark.xdist_group("real stores")]

READY_WITHIN = 3.0
SERVICES_AND_STORES = [
    ("products", "sqlite"),
    ("cart", "sqlite"),
    ("user", "postgres"),
    ("tracking", "postgres"),
]


async def status_of(replica: ServiceProcess, path: str) -> int:
    connection = Connection(replica.url)
    try:
        return (await connection.send(HttpRequest("GET", path))).status
    finally:
        connection.close()


@pytest.mark.fault(14, store=("sqlite", "postgres"))
@pytest.mark.parametrize(("service", "store"), SERVICES_AND_STORES)
async def test_a_service_waits_for_the_migration_and_refuses_a_newer_major_version(
    real_shop: RealShop, tmp_path: Path, service: str, store: str, figure: Callable[..., None]
) -> None:
    url = f"sqlite:///{tmp_path}/{service}.sqlite3"
    if store == "postgres":
        name = f"schema_{secrets.token_hex(4)}"
        await run_sql(real_shop.postgres.primary.url(), f"CREATE DATABASE {name}")
        url = real_shop.postgres.url(name)
    environment = {**real_shop.services.environment(service), "CARTWHEEL_STORE_URL": url}
    async with start_service(service, environment, folder=tmp_path, wait=False) as replica:
        await until(lambda: "server.started" in replica.output, within=20)
        assert await status_of(replica, "/livez") == 200
        assert await status_of(replica, "/readyz") == 503

        await asyncio.to_thread(migrate, service, environment)
        started = time.monotonic()
        await replica.ready()
        seconds = time.monotonic() - started

        newest = newest_version(f"services.{service}")
        await set_version(url, service, f"{newest.major + 1}.0")
        await until(lambda: has_status(replica, 503))
        assert await status_of(replica, "/livez") == 200
        await set_version(url, service, f"{newest.major}.{newest.minor + 1}")
        await until(lambda: has_status(replica, 200))
        await set_version(url, service, "0.1")
        await until(lambda: has_status(replica, 503))

    figure("{} ready {:.2f} s after the migration", service, seconds)
    assert seconds <= READY_WITHIN


async def has_status(replica: ServiceProcess, status: int) -> bool:
    return await status_of(replica, "/readyz") == status


def migrate(service: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "app.stores.migrations", f"services.{service}"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


async def set_version(url: str, service: str, version: str) -> None:
    """As if other code had migrated the store."""
    statement = Statement(
        f"UPDATE {version_table(f'services.{service}')} SET version_num = :version"
    )
    async with (
        Database(url, metrics=Metrics("test")) as database,
        database.writing("set_version") as connection,
    ):
        await connection.execute(statement, {"version": version})
