"""The SQLite file of a running service is deleted, then created again."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal

from app.stores.migrations import migrate
from tests.support.shop import ADDRESS, SERVICE_TOKEN, SKU, Shop, running_shop

READY_WITHIN = 20.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with (
        start_blocking_portal("asyncio") as portal,
        portal.wrap_async_context_manager(running_shop(folder)) as shop,
    ):
        yield shop


def test_a_deleted_file_is_503_and_not_ready_until_there_is_one_again(
    shop: Shop, folder: Path
) -> None:
    person = shop.person().headers
    order = {
        "expected_total": {"amount": 1, "currency": "EUR"},
        "address": ADDRESS,
    }
    asked: dict[str, tuple[str, str, dict[str, Any]]] = {
        "tracking": (
            "POST",
            "/v1/orders",
            {"headers": person | {"idempotency-key": "key-1"}, "json": order},
        ),
        "cart": (
            "POST",
            "/v1/cart/items",
            {"headers": person, "json": {"sku": SKU, "quantity": 1}},
        ),
        "products": (
            "PUT",
            "/v1/reservations/order-0001",
            {
                "headers": {"x-service-token": SERVICE_TOKEN},
                "json": {"lines": [{"sku": SKU, "quantity": 1}]},
            },
        ),
        # The last one: with its signing keys all tokens become invalid.
        "user": ("POST", "/v1/guests", {}),
    }
    for service, (method, path, content) in asked.items():
        delete(folder, service)
        answers = [shop.request(service, method, path, **content) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [503] * 5, service
        readiness = until_status(shop, service, 503)
        assert "bring it back, or run cartwheel migrate" in readiness.text
        assert shop.process(service).output.count('"event": "store.trouble"') == 1
        assert not store_file(folder, service).exists()

        asyncio.run(migrate(f"services.{service}", f"sqlite:///{store_file(folder, service)}"))

        until_status(shop, service, 200)
        assert shop.request(service, method, path, **content).status_code < 500


def store_file(folder: Path, service: str) -> Path:
    return folder / f"{service}.sqlite3"


def delete(folder: Path, service: str) -> None:
    for file in folder.glob(f"{service}.sqlite3*"):
        file.unlink()


def until_status(shop: Shop, service: str, status: int) -> httpx2.Response:
    deadline = time.monotonic() + READY_WITHIN
    while True:
        answer = shop.request(service, "GET", "/readyz?verbose")
        if answer.status_code == status:
            return answer
        assert time.monotonic() < deadline, f"{service}: {answer.text}"
        time.sleep(0.1)
