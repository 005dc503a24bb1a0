"""Two replicas on one store, over each store."""

import asyncio
import secrets

import pytest

from tests.services.cart.shop import as_shopper, cart_service, quantities

ONE_MUG = {"sku": "MUG", "quantity": 1}


@pytest.mark.fault(47, store=("sqlite", "valkey"))
async def test_ninety_parallel_adds_over_two_replicas_are_ninety_ten_times(store_url: str) -> None:
    async with cart_service(store_url) as first, cart_service(store_url) as second:
        for _ in range(10):
            me = as_shopper(f"guest_{secrets.token_hex(4)}")
            responses = await asyncio.gather(
                *(
                    replica.post("/v1/cart/items", json=ONE_MUG, headers=me)
                    for replica in [first, second] * 45
                )
            )

            assert {response.status_code for response in responses} == {200}
            assert sorted(response.json()["version"] for response in responses) == list(
                range(1, 91)
            )
            assert quantities(await second.get("/v1/cart", headers=me)) == {"MUG": 90}


@pytest.mark.fault(47, store=("sqlite", "valkey"))
async def test_what_parallel_adds_pass_the_limit_is_refused_to_the_piece(store_url: str) -> None:
    async with cart_service(store_url) as first, cart_service(store_url) as second:
        me = as_shopper(f"guest_{secrets.token_hex(4)}")
        responses = await asyncio.gather(
            *(
                replica.post("/v1/cart/items", json=ONE_MUG, headers=me)
                for replica in [first, second] * 55
            )
        )

        statuses = [response.status_code for response in responses]
        assert (statuses.count(200), statuses.count(409)) == (99, 11)
        assert quantities(await first.get("/v1/cart", headers=me)) == {"MUG": 99}


async def test_256_requests_in_flight_are_all_answered(store_url: str) -> None:
    async with cart_service(store_url) as replica:
        shoppers = [as_shopper(f"guest_{secrets.token_hex(4)}") for _ in range(64)]
        responses = await asyncio.gather(
            *(
                replica.post("/v1/cart/items", json=ONE_MUG, headers=me)
                for me in shoppers
                for _ in range(4)
            )
        )

        assert {response.status_code for response in responses} == {200}
        for me in shoppers:
            assert quantities(await replica.get("/v1/cart", headers=me)) == {"MUG": 4}
