"""An add that is sent again with its Idempotency-Key, over each store.

The replica that gets the repeated request remembers nothing of the first one: it stands for
another replica, or for the same one after the product was forgotten.
"""

import asyncio

import httpx2
import pytest

from tests.services.cart.shop import (
    FakeProducts,
    Shop,
    as_shopper,
    cart_service,
    problem_of,
    quantities,
)

MUG = {"sku": "MUG", "quantity": 2}


async def add(
    replica: Shop, subject: str, *, key: str = "click-1", **changes: object
) -> httpx2.Response:
    headers = as_shopper(subject, **{"Idempotency-Key": key})
    return await replica.post("/v1/cart/items", json=MUG | changes, headers=headers)


async def add_once(store_url: str, subject: str) -> None:
    async with cart_service(store_url) as replica:
        assert quantities(await add(replica, subject)) == {"MUG": 2}


async def test_a_repeated_add_is_replayed_when_the_product_is_no_longer_sold(
    store_url: str, shopper: str
) -> None:
    await add_once(store_url, shopper)
    async with cart_service(store_url, FakeProducts(missing=("MUG",))) as replica:
        again = await add(replica, shopper)
        another = await add(replica, shopper, key="click-2")

    assert quantities(again) == {"MUG": 2}
    assert again.headers["idempotency-replayed"] == "true"
    assert (another.status_code, problem_of(another)) == (404, "unknown-product")


async def test_a_repeated_add_is_replayed_while_products_is_down(
    store_url: str, shopper: str
) -> None:
    await add_once(store_url, shopper)
    products = FakeProducts()
    products.down = True
    async with cart_service(store_url, products) as replica:
        again = await add(replica, shopper)
        another = await add(replica, shopper, key="click-2")

    assert quantities(again) == {"MUG": 2}
    assert again.headers["idempotency-replayed"] == "true"
    assert another.status_code == 503


async def test_a_repeated_add_does_not_wait_for_products(store_url: str, shopper: str) -> None:
    await add_once(store_url, shopper)
    is_never_over = asyncio.Event()

    async def hang(_: httpx2.Request) -> httpx2.Response:
        await is_never_over.wait()
        raise AssertionError

    async with cart_service(store_url, hang) as replica:
        again = await add(replica, shopper)

    assert again.headers["idempotency-replayed"] == "true"


async def test_a_key_of_another_add_is_refused_whatever_products_says(
    store_url: str, shopper: str
) -> None:
    await add_once(store_url, shopper)
    async with cart_service(store_url, FakeProducts(missing=("LAMP-2",))) as replica:
        other = await add(replica, shopper, sku="LAMP-2")

    assert (other.status_code, problem_of(other)) == (422, "idempotency-key-reused")


@pytest.mark.parametrize("is_known", [True, False])
async def test_an_add_asks_the_store_once_more_only_if_products_must_be_asked(
    store_url: str, shopper: str, is_known: bool
) -> None:
    async with cart_service(store_url) as replica:
        if is_known:
            await replica.post("/v1/cart/items", json=MUG, headers=as_shopper(shopper))
        await add(replica, shopper)
        exposition = (await replica.get("/metrics")).text

    assert ('operation="find_add"' in exposition) is not is_known
