"""The HTTP API of the cart, over each store."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.services.cart.shop import (
    FakeProducts,
    Shop,
    as_service,
    as_shopper,
    cart_service,
    problem_of,
    quantities,
)
from tests.support.identity import Signer, token

MUG = {"sku": "MUG", "quantity": 2}


@pytest.fixture
def products() -> FakeProducts:
    return FakeProducts()


@pytest.fixture
async def shop(store_url: str, products: FakeProducts) -> AsyncIterator[Shop]:
    async with cart_service(store_url, products) as client:
        yield client


async def add(shop: Shop, subject: str, sku: str = "MUG", quantity: int = 1) -> httpx2.Response:
    return await shop.post(
        "/v1/cart/items", json={"sku": sku, "quantity": quantity}, headers=as_shopper(subject)
    )


async def read(shop: Shop, subject: str) -> httpx2.Response:
    return await shop.get("/v1/cart", headers=as_shopper(subject))


async def test_a_new_shopper_has_an_empty_cart(shop: Shop, guest: str) -> None:
    response = await read(shop, guest)

    assert response.json() == {"version": 0, "lines": [], "updated_at": None}


async def test_an_add_answers_the_whole_cart(shop: Shop, guest: str) -> None:
    await add(shop, guest, "LAMP-2")
    response = await add(shop, guest, "MUG", 2)

    cart = response.json()
    assert cart["version"] == 2
    assert cart["lines"] == [{"sku": "LAMP-2", "quantity": 1}, {"sku": "MUG", "quantity": 2}]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", cart["updated_at"])
    assert (await read(shop, guest)).json() == cart


@pytest.mark.fault(70)
async def test_a_cart_belongs_to_its_tokens_subject(shop: Shop, guest: str, shopper: str) -> None:
    await add(shop, guest)

    assert quantities(await read(shop, shopper)) == {}


async def test_quantities_are_set_and_lines_removed(shop: Shop, shopper: str) -> None:
    me = as_shopper(shopper)
    await add(shop, shopper, "MUG", 5)

    response = await shop.put("/v1/cart/items/MUG", json={"quantity": 3}, headers=me)
    assert quantities(response) == {"MUG": 3}
    response = await shop.put("/v1/cart/items/LAMP-2", json={"quantity": 1}, headers=me)
    assert quantities(response) == {"LAMP-2": 1, "MUG": 3}
    assert quantities(await shop.delete("/v1/cart/items/MUG", headers=me)) == {"LAMP-2": 1}
    assert quantities(await shop.delete("/v1/cart", headers=me)) == {}


async def test_a_product_that_is_not_sold_is_refused(shop: Shop, shopper: str) -> None:
    assert (await add(shop, shopper, "GHOST")).status_code == 404
    response = await shop.put(
        "/v1/cart/items/GHOST", json={"quantity": 3}, headers=as_shopper(shopper)
    )

    assert response.status_code == 404
    assert problem_of(response) == "unknown-product"
    assert quantities(await read(shop, shopper)) == {}


async def test_the_add_that_passes_99_pieces_is_refused_and_changes_nothing(
    shop: Shop, shopper: str
) -> None:
    before = await add(shop, shopper, "MUG", 98)
    response = await add(shop, shopper, "MUG", 2)

    assert response.status_code == 409
    assert problem_of(response) == "cart-limit"
    assert (await read(shop, shopper)).json() == before.json()


async def test_the_add_that_passes_100_lines_is_refused_and_changes_nothing(
    shop: Shop, shopper: str
) -> None:
    for number in range(100):
        before = await add(shop, shopper, f"SKU-{number}")
    response = await add(shop, shopper, "ONE-MORE")

    assert response.status_code == 409
    assert problem_of(response) == "cart-limit"
    assert (await read(shop, shopper)).json() == before.json()


@pytest.mark.fault(59)
@pytest.mark.parametrize(
    "body",
    [
        {"sku": "MUG", "quantity": 0},
        {"sku": "MUG", "quantity": 100},
        {"sku": "MUG", "quantity": -1},
        {"sku": "MUG", "quantity": 1.0},
        {"sku": "MUG", "quantity": "1"},
        {"sku": "MUG", "quantity": True},
        {"sku": "MUG", "quantity": 2**63},
        {"sku": "mug", "quantity": 1},
        {"sku": "MUG\n", "quantity": 1},
        {"sku": "Ｍ" * 3, "quantity": 1},
        {"sku": "M", "quantity": 1},
        {"sku": "MUG", "quantity": 1, "price": 1},
        {"sku": "MUG"},
        [],
    ],
    ids=str,
)
async def test_a_line_that_breaks_the_rules_is_422(shop: Shop, shopper: str, body: object) -> None:
    response = await shop.post("/v1/cart/items", json=body, headers=as_shopper(shopper))

    assert response.status_code == 422
    assert response.json()["errors"]
    assert quantities(await read(shop, shopper)) == {}


@pytest.mark.fault(61, 63)
@pytest.mark.parametrize("sku", ["mug", "M", "M" * 33, "MUG%0A", "-MUG"])
async def test_a_path_that_is_no_sku_is_422(shop: Shop, shopper: str, sku: str) -> None:
    response = await shop.delete(f"/v1/cart/items/{sku}", headers=as_shopper(shopper))

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/sku"


@pytest.mark.fault(83)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/cart"),
        ("DELETE", "/v1/cart"),
        ("POST", "/v1/cart/items"),
        ("PUT", "/v1/cart/items/MUG"),
        ("DELETE", "/v1/cart/items/MUG"),
        ("POST", "/v1/cart:merge"),
        ("POST", "/v1/cart:take"),
    ],
)
async def test_nothing_is_done_for_strangers(shop: Shop, method: str, path: str) -> None:
    forged = Signer("test-key").token("user_1")
    for headers in ({}, {"authorization": f"Bearer {forged}"}, {"x-service-token": "guessed"}):
        body = MUG if method in ("POST", "PUT") else None
        response = await shop.request(method, path, json=body, headers=headers)

        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"


async def test_a_repeated_idempotency_key_adds_once(shop: Shop, shopper: str) -> None:
    me = as_shopper(shopper, **{"Idempotency-Key": "click-1"})
    first = await shop.post("/v1/cart/items", json=MUG, headers=me)
    again = await shop.post("/v1/cart/items", json=MUG, headers=me)

    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert quantities(await read(shop, shopper)) == {"MUG": 2}


@pytest.mark.fault(43)
async def test_an_idempotency_key_for_something_else_is_422(shop: Shop, shopper: str) -> None:
    me = as_shopper(shopper, **{"Idempotency-Key": "click-1"})
    await shop.post("/v1/cart/items", json=MUG, headers=me)
    response = await shop.post("/v1/cart/items", json=MUG | {"quantity": 3}, headers=me)

    assert response.status_code == 422
    assert problem_of(response) == "idempotency-key-reused"
    assert quantities(await read(shop, shopper)) == {"MUG": 2}


@pytest.mark.fault(46)
@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "ключ".encode(), "a\tb"], ids=repr)
async def test_a_malformed_idempotency_key_is_400(
    shop: Shop, shopper: str, key: str | bytes
) -> None:
    headers = [*as_shopper(shopper).items(), ("Idempotency-Key", key)]
    response = await shop.post(
        "/v1/cart/items", json=MUG, headers=[(k.encode(), _bytes(v)) for k, v in headers]
    )

    assert response.status_code == 400
    assert quantities(await read(shop, shopper)) == {}


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


@pytest.mark.fault(51)
async def test_a_guests_cart_moves_to_the_user_once(shop: Shop, shopper: str, guest: str) -> None:
    await add(shop, guest, "MUG", 60)
    await add(shop, shopper, "MUG", 50)
    merge = {"guest_token": token(guest, roles=("guest",))}

    first = await shop.post("/v1/cart:merge", json=merge, headers=as_shopper(shopper))
    again = await shop.post("/v1/cart:merge", json=merge, headers=as_shopper(shopper))

    assert quantities(first) == quantities(again) == {"MUG": 99}
    assert first.json()["notices"] == [{"sku": "MUG", "requested": 110, "kept": 99}]
    assert again.json()["notices"] == []
    assert quantities(await read(shop, guest)) == {}


@pytest.mark.fault(70)
async def test_only_a_guests_own_token_opens_the_guests_cart(
    shop: Shop, shopper: str, guest: str
) -> None:
    await add(shop, guest)
    bad_tokens = [
        token("user_other"),
        Signer("test-key").token(guest, roles=("guest",)),
        token(guest, roles=("guest",), expires_in=60, issued_at=1_000_000),
        "not.a.token",
    ]
    for bad_token in bad_tokens:
        response = await shop.post(
            "/v1/cart:merge", json={"guest_token": bad_token}, headers=as_shopper(shopper)
        )

        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/guest_token"
    assert quantities(await read(shop, guest)) == {"MUG": 1}


async def test_a_guest_cannot_merge(shop: Shop, guest: str) -> None:
    merge = {"guest_token": token("guest_other", roles=("guest",))}
    response = await shop.post("/v1/cart:merge", json=merge, headers=as_shopper(guest))

    assert response.status_code == 403


async def test_checkout_takes_exactly_what_was_ordered_once(shop: Shop, shopper: str) -> None:
    await add(shop, shopper, "MUG", 2)
    await add(shop, shopper, "LAMP-2", 1)
    order = {"order_id": "order-0001", "subject": shopper, "lines": [MUG]}
    await add(shop, shopper, "MUG", 5)

    first = await shop.post("/v1/cart:take", json=order, headers=as_service())
    again = await shop.post("/v1/cart:take", json=order, headers=as_service())

    assert first.json() == {"order_id": "order-0001", "taken": True, "version": 4}
    assert again.json() == {"order_id": "order-0001", "taken": False, "version": 4}
    assert quantities(await read(shop, shopper)) == {"LAMP-2": 1, "MUG": 5}


@pytest.mark.fault(83)
async def test_shoppers_cannot_take(shop: Shop, shopper: str) -> None:
    order = {"order_id": "order-0001", "subject": shopper, "lines": [MUG]}
    response = await shop.post("/v1/cart:take", json=order, headers=as_shopper(shopper))

    assert response.status_code == 401


@pytest.mark.fault(24)
async def test_products_is_asked_once_for_many_at_the_same_time(
    shop: Shop, products: FakeProducts, shopper: str
) -> None:
    await asyncio.gather(*(add(shop, shopper) for _ in range(20)))
    await add(shop, shopper)

    assert products.asked == ["MUG"]


async def test_while_products_is_down_unknown_skus_are_503_and_the_cart_stays_usable(
    shop: Shop, products: FakeProducts, shopper: str
) -> None:
    await add(shop, shopper, "MUG")
    products.down = True

    unknown = await add(shop, shopper, "LAMP-2")

    assert unknown.status_code == 503
    assert unknown.headers["retry-after"] == "1"
    assert problem_of(unknown) == "upstream-unavailable"
    assert quantities(await add(shop, shopper, "MUG")) == {"MUG": 2}
    assert quantities(await read(shop, shopper)) == {"MUG": 2}


async def test_the_metrics_count_the_pieces_added(shop: Shop, shopper: str) -> None:
    key = as_shopper(shopper, **{"Idempotency-Key": "click-1"})
    for _ in range(2):
        await shop.post("/v1/cart/items", json=MUG, headers=key)
    await add(shop, shopper, "LAMP-2", 3)
    await add(shop, shopper, "LAMP-2", 99)

    exposition = (await shop.get("/metrics")).text
    assert 'cart_items_added_total{service="cart"} 5.0' in exposition
    assert 'http_requests_received_total{method="POST",route="/v1/cart/items"' in exposition
    assert 'store_operation_duration_seconds_count{operation="add",outcome="ok"' in exposition
