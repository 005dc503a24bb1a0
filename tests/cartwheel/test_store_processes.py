"""Valkey and Postgres as store processes: probed, shown and restarted like replicas."""

import os
import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis.asyncio as redis

from tests.cartwheel.supervisor_process import SupervisorProcess, eventually, running


@pytest.fixture(scope="module")
def shop() -> Iterator[SupervisorProcess]:
    """A sample shop with real stores."""
    # Not pytest's folder: under root, the user that runs Postgres has no access to it.
    with tempfile.TemporaryDirectory(prefix="cartwheel-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)
        with running(folder / "state", output=folder / "output", CARTWHEEL_STORES="real") as run:
            yield run.ready()


def store(shop: SupervisorProcess, name: str) -> dict[str, Any]:
    found = next(one for one in shop.status()["servers"] if one["replica"] == name)
    assert isinstance(found, dict)
    return found


def kill(shop: SupervisorProcess, name: str) -> None:
    """Kill a store process; returns when it is ready again."""
    before = store(shop, name)
    os.kill(before["pid"], signal.SIGKILL)
    eventually(lambda: store(shop, name)["restarts"] > before["restarts"])
    eventually(lambda: store(shop, name)["state"] == "Ready" or None)
    after = store(shop, name)
    assert after["pid"] != before["pid"]
    assert after["port"] == before["port"], "services know that address"


def secret(shop: SupervisorProcess, name: str) -> str:
    return (shop.state / "secrets" / name).read_text()


async def test_a_killed_valkey_comes_back_with_its_data(shop: SupervisorProcess) -> None:
    port = store(shop, "valkey")["port"]
    password = secret(shop, "valkey_password")
    async with redis.Redis(port=port, password=password) as client:
        await client.set("wheel", "round")
    kill(shop, "valkey")
    async with redis.Redis(port=port, password=password) as client:
        assert await client.get("wheel") == b"round"
    shop.wait_for_line("✗ valkey .*was ended by SIGKILL: CrashLoopBackOff, again in 0.5 s")


async def test_a_killed_postgres_comes_back_with_its_data(shop: SupervisorProcess) -> None:
    url = (
        f"postgresql://postgres:{secret(shop, 'postgres_password')}"
        f"@127.0.0.1:{store(shop, 'postgres')['port']}/postgres"
    )
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE wheels (name text); INSERT INTO wheels VALUES ('big')")
    await connection.close()
    kill(shop, "postgres")
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT name FROM wheels") == "big"
    await connection.close()


def test_status_lists_the_stores_with_their_logs_kept(shop: SupervisorProcess) -> None:
    table = shop.command("status").stdout
    assert re.search(r"✓ +store +valkey +Ready", table)
    assert re.search(r"✓ +store +postgres +Ready", table)
    log = (shop.state / "logs" / "postgres" / "postgres.log").read_text()
    assert "ready to accept connections" in log


def test_a_frozen_store_is_reported_and_replaced(shop: SupervisorProcess) -> None:
    before = store(shop, "valkey")
    os.kill(before["pid"], signal.SIGSTOP)
    shop.wait_for_line("valkey .*is not ready")
    shop.wait_for_line("valkey .*answers nothing any more: killed")
    eventually(lambda: store(shop, "valkey")["pid"] not in (None, before["pid"]))
    eventually(lambda: store(shop, "valkey")["state"] == "Ready" or None)


async def test_a_valkey_that_takes_no_more_clients_is_not_ready_and_says_why(
    shop: SupervisorProcess,
) -> None:
    port, password = store(shop, "valkey")["port"], secret(shop, "valkey_password")
    async with redis.Redis(port=port, password=password, single_connection_client=True) as client:
        before = await client.config_get("maxclients")
        await client.config_set("maxclients", 1)
        shop.wait_for_line("valkey .*is not ready: .*max number of clients reached")
        assert store(shop, "valkey")["state"] == "NotReady"
        await client.config_set("maxclients", before["maxclients"])
    eventually(lambda: store(shop, "valkey")["state"] == "Ready" or None)
    assert "watching it failed" not in shop.output
