"""The HTTP API of stock and reservations."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from services.products.main import build
from tests.services.products.conftest import SERVICE, STAFF, settings_for
from tests.support.asgi import running
from tests.support.identity import bearer, jwks_transport
from tests.support.processes import start_service

DUCK = "TOY-DUCK-01"
ORDER = "/v1/reservations/order_0001"


@pytest.fixture
async def shop_in_a_hurry(seeded_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Each kind of store; reservations last a tenth of a second."""
    settings = settings_for(seeded_url, reservation_lifetime=0.1, reservation_sweep=0.1)
    async with running(build(settings, transports={"user": jwks_transport()})) as client:
        yield client


async def set_stock(shop: httpx2.AsyncClient, available: int) -> None:
    path = f"/v1/products/{DUCK}/stock"
    await shop.put(path, json={"available": available}, headers=STAFF)


async def stock_of(shop: httpx2.AsyncClient, sku: str = DUCK) -> int:
    available: int = (await shop.get(f"/v1/products/{sku}")).json()["available"]
    return available


async def reserve(
    shop: httpx2.AsyncClient, path: str = ORDER, *, quantity: int = 1, sku: str = DUCK
) -> httpx2.Response:
    lines = [{"sku": sku, "quantity": quantity}]
    return await shop.put(path, json={"lines": lines}, headers=SERVICE)


@pytest.mark.fault(48, store=("sqlite", "postgres"))
async def test_of_200_parallel_orders_for_50_in_stock_exactly_50_win(seeded_url: str) -> None:
    app = build(settings_for(seeded_url), transports={"user": jwks_transport()})
    async with running(app) as shop:
        await set_stock(shop, 50)
        responses = await asyncio.gather(
            *(reserve(shop, f"/v1/reservations/order_{number:04}") for number in range(200))
        )
        assert Counter(response.status_code for response in responses) == {201: 50, 409: 150}
        assert await stock_of(shop) == 0
        refused = next(response for response in responses if response.status_code == 409).json()
        assert refused["type"] == "urn:cartwheel:problem:out-of-stock"
        assert refused["unavailable"] == [{"sku": DUCK, "requested": 1, "available": 0}]
        metrics = (await shop.get("/metrics")).text
    assert 'stock_reservations_total{outcome="reserved",service="products"} 50.0' in metrics
    assert 'stock_reservations_total{outcome="out_of_stock",service="products"} 150.0' in metrics


@pytest.mark.fault(48, store=("sqlite", "postgres"))
async def test_replicas_that_share_a_store_do_not_sell_twice(
    seeded_url: str, tmp_path: Path
) -> None:
    env = {
        "CARTWHEEL_STORE_URL": seeded_url,
        "CARTWHEEL_STORE_PATIENCE": "60",
        "CARTWHEEL_REQUEST_TIMEOUT": "60",
        "CARTWHEEL_SERVICE_TOKENS": SERVICE["x-service-token"],
    }
    async with (
        start_service("products", env, folder=tmp_path) as first,
        start_service("products", env, folder=tmp_path) as second,
        httpx2.AsyncClient(timeout=60, headers=SERVICE) as client,
    ):
        urls = [f"{replica.url}/v1/reservations" for replica in (first, second)]
        body = {"lines": [{"sku": "CURIO-FILM-01", "quantity": 1}]}  # 18 in stock
        responses = await asyncio.gather(
            *(client.put(f"{urls[n % 2]}/order_{n:04}", json=body) for n in range(60))
        )
        assert Counter(response.status_code for response in responses) == {201: 18, 409: 42}
        lookup = await client.post(
            f"{first.url}/v1/products:lookup", json={"skus": ["CURIO-FILM-01"]}
        )
        assert lookup.json()["items"][0]["available"] == 0


async def test_a_reservation_is_made_once(shop: httpx2.AsyncClient) -> None:
    await set_stock(shop, 10)
    first, again = await reserve(shop, quantity=3), await reserve(shop, quantity=3)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json()["status"] == "reserved"
    assert first.json()["expires_at"].endswith("Z")
    assert await stock_of(shop) == 7


async def test_other_lines_for_the_same_order_are_refused(shop: httpx2.AsyncClient) -> None:
    await reserve(shop, quantity=3)
    other = await reserve(shop, quantity=4)
    assert other.status_code == 409
    assert other.json()["type"] == "urn:cartwheel:problem:reservation-mismatch"


async def test_a_committed_order_can_still_be_cancelled(shop: httpx2.AsyncClient) -> None:
    await set_stock(shop, 10)
    await reserve(shop, quantity=3)
    committed = await shop.post(f"{ORDER}:commit", headers=SERVICE)
    assert (committed.status_code, committed.json()["status"]) == (200, "committed")
    assert await stock_of(shop) == 7
    released = await shop.post(f"{ORDER}:release", headers=SERVICE)
    assert (released.status_code, released.json()["status"]) == (200, "released")
    assert await stock_of(shop) == 10


async def test_a_released_reservation_stays_closed(shop: httpx2.AsyncClient) -> None:
    assert (await shop.post(f"{ORDER}:release", headers=SERVICE)).status_code == 200
    for response in (await reserve(shop), await shop.post(f"{ORDER}:commit", headers=SERVICE)):
        assert response.status_code == 409
        assert response.json()["type"] == "urn:cartwheel:problem:reservation-closed"


async def test_a_commit_of_nothing_is_not_found(shop: httpx2.AsyncClient) -> None:
    response = await shop.post(f"{ORDER}:commit", headers=SERVICE)
    assert response.status_code == 404
    assert response.json()["type"] == "urn:cartwheel:problem:unknown-reservation"


async def test_stock_nobody_claims_goes_back_by_itself(shop_in_a_hurry: httpx2.AsyncClient) -> None:
    shop = shop_in_a_hurry
    before = await stock_of(shop)
    assert (await reserve(shop, quantity=3)).status_code == 201
    async with asyncio.timeout(30):
        while await stock_of(shop) != before:  # noqa: ASYNC110 – it happens in a store, not here
            await asyncio.sleep(0.02)
    assert (await reserve(shop, quantity=3)).status_code == 409
    assert 'outcome="expired",service="products"} 1.0' in (await shop.get("/metrics")).text


@pytest.mark.fault(83)
@pytest.mark.parametrize("headers", [{}, {"x-service-token": "wrong"}, STAFF, bearer()])
async def test_only_services_may_reserve(shop: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    body = {"lines": [{"sku": DUCK, "quantity": 1}]}
    assert (await shop.put(ORDER, json=body, headers=headers)).status_code == 401
    assert (await shop.post(f"{ORDER}:commit", headers=headers)).status_code == 401
    assert (await shop.post(f"{ORDER}:release", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [{"sku": DUCK, "quantity": 0}],
        [{"sku": DUCK, "quantity": 100}],
        [{"sku": DUCK, "quantity": True}],
        [{"sku": DUCK, "quantity": "1"}],
        [{"sku": DUCK, "quantity": 2**63}],
        [{"sku": "'; DROP TABLE products; --", "quantity": 1}],
        [{"sku": DUCK}],
        [{"sku": DUCK, "quantity": 1, "price": 0}],
        [{"sku": DUCK, "quantity": 1}, {"sku": DUCK, "quantity": 2}],
        [{"sku": f"SKU-{number}", "quantity": 1} for number in range(101)],
    ],
)
async def test_lines_that_break_a_rule_are_refused(
    shop: httpx2.AsyncClient, lines: list[dict[str, object]]
) -> None:
    response = await shop.put(ORDER, json={"lines": lines}, headers=SERVICE)
    assert response.status_code == 422
    assert "DROP TABLE" not in response.text


@pytest.mark.parametrize("order_id", ["short", "x" * 65, "with.a.dot", "order_0001:commit"])
async def test_an_order_id_has_a_form(shop: httpx2.AsyncClient, order_id: str) -> None:
    assert (await reserve(shop, f"/v1/reservations/{order_id}")).status_code == 422
