"""What a serving process loads: its store's driver, and nothing that only migrations need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.stores.migrations import migrate

ROOT = Path(__file__).resolve().parents[3]
SERVE = """
import asyncio, importlib, sys

async def serve(service):
    app = importlib.import_module(f"services.{service}.main").create()
    async with app.router.lifespan_context(app) as state:
        pass

asyncio.run(serve(sys.argv[1]))
print("modules:", *sorted({name.partition(".")[0] for name in sys.modules}))
"""
# Not greenlet: structlog loads it wherever it is installed.
ONLY_FOR_MIGRATIONS = {"alembic", "mako", "sqlalchemy"}


async def loaded_by(service: str, url: str) -> set[str]:
    await migrate(f"services.{service}", url)
    run = subprocess.run(
        [sys.executable, "-c", SERVE, service],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CARTWHEEL_STORE_URL": url,
            "CARTWHEEL_PRODUCTS_URL": "http://127.0.0.1:9",
            "CARTWHEEL_CART_URL": "http://127.0.0.1:9",
            "CARTWHEEL_USER_URL": "http://127.0.0.1:9",
            "CARTWHEEL_SERVICE_TOKENS": "a-token-services-show-one-another",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.rpartition("modules:")[2].split())


@pytest.mark.parametrize("service", ["cart", "products", "tracking", "user"])
async def test_on_sqlite_a_service_loads_no_other_driver(service: str, sqlite_url: str) -> None:
    loaded = await loaded_by(service, sqlite_url)
    assert "sqlite3" in loaded
    assert loaded & (ONLY_FOR_MIGRATIONS | {"asyncpg"}) == set()


@pytest.mark.parametrize("service", ["products", "tracking", "user"])
async def test_on_postgres_a_service_loads_no_other_driver(service: str, postgres_url: str) -> None:
    loaded = await loaded_by(service, postgres_url)
    assert "asyncpg" in loaded
    assert loaded & (ONLY_FOR_MIGRATIONS | {"sqlite3"}) == set()
