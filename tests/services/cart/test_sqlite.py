"""The SQLite store alone."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.stores.database import Database
from app.stores.migrations import migrate
from app.telemetry.metrics import Metrics
from services.cart.models import Line
from services.cart.repository import Retention
from services.cart.repository.sqlite import SqliteCartRepository
from tests.services.cart.shop import as_shopper, cart_service, problem_of
from tests.support.waiting import until

MUG = Line(sku="MUG", quantity=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cart.sqlite3"


@pytest.fixture
def observer(file: Path) -> Iterator[sqlite3.Connection]:
    """Another connection to the same file."""
    connection = sqlite3.connect(file, isolation_level=None)
    yield connection
    connection.close()


@pytest.mark.fault(14, store="sqlite")
async def test_it_is_not_ready_before_the_schema_is_and_ready_after(
    file: Path, shopper: str
) -> None:
    url = f"sqlite:///{file}"
    async with cart_service(url) as shop:

        async def is_ready() -> bool:
            return (await shop.get("/readyz")).status_code == 200

        assert not await is_ready()
        assert (await shop.get("/livez")).status_code == 200

        await migrate("services.cart", url)

        await until(is_ready, within=2)


@pytest.mark.fault(13, store="sqlite")
async def test_a_file_that_somebody_else_keeps_locked_is_503(
    file: Path, shopper: str, observer: sqlite3.Connection
) -> None:
    url = f"sqlite:///{file}"
    await migrate("services.cart", url)
    async with cart_service(url) as shop:
        observer.execute("BEGIN IMMEDIATE")

        response = await shop.post(
            "/v1/cart/items", json=MUG.model_dump(), headers=as_shopper(shopper)
        )

        assert response.status_code == 503
        assert problem_of(response) == "store-unavailable"
        observer.execute("ROLLBACK")
        assert (await shop.delete("/v1/cart", headers=as_shopper(shopper))).status_code == 200


async def test_what_expired_is_deleted_and_the_rest_stays(
    file: Path, shopper: str, guest: str, observer: sqlite3.Connection
) -> None:
    url = f"sqlite:///{file}"
    await migrate("services.cart", url)
    async with Database(url, metrics=Metrics("cart")) as database:
        kept = SqliteCartRepository(
            database,
            Retention(cart_seconds=3600, guest_cart_seconds=3600, idempotency_key_seconds=3600),
        )
        expired = SqliteCartRepository(
            database, Retention(cart_seconds=0, guest_cart_seconds=0, idempotency_key_seconds=0)
        )
        for carts, subject in ((kept, shopper), (expired, guest)):
            await carts.add(subject, MUG, key="k1")
            await carts.take_ordered_lines(subject, "order-0001", [MUG])

        await kept.delete_expired()

    for table in ("carts", "remembered_adds", "taken_orders"):
        assert observer.execute(f"SELECT subject FROM {table}").fetchall() == [(shopper,)]
