"""The cart while its Valkey server is down, dies, hangs, is full or became a replica."""

import asyncio
import secrets
import signal
import time
from collections.abc import AsyncIterator

import pytest

from tests.services.cart.servers import ValkeyServer
from tests.services.cart.shop import Shop, as_shopper, cart_service, problem_of, quantities
from tests.support.waiting import until

ONE_MUG = {"sku": "MUG", "quantity": 1}
# On an idle machine a second or two; a test machine has other things to do as well.
RETURN_SECONDS = 10.0
REFUSAL_SECONDS = 10.0


@pytest.fixture
async def shop(own_valkey: ValkeyServer) -> AsyncIterator[Shop]:
    async with cart_service(own_valkey.url) as client:
        yield client


async def add(shop: Shop, subject: str) -> int:
    answer = await shop.post("/v1/cart/items", json=ONE_MUG, headers=as_shopper(subject))
    if answer.status_code == 503:
        assert problem_of(answer) == "store-unavailable"
        assert answer.headers["retry-after"] == "1"
    return answer.status_code


async def is_ready(shop: Shop) -> bool:
    return (await shop.get("/readyz")).status_code == 200


async def adds_again(shop: Shop, subject: str) -> bool:
    return await add(shop, subject) == 200


async def test_it_starts_without_its_store_and_is_ready_when_the_store_comes(
    shop: Shop, own_valkey: ValkeyServer, shopper: str
) -> None:
    assert (await shop.get("/livez")).status_code == 200
    assert (await shop.get("/readyz")).status_code == 503
    assert await add(shop, shopper) == 503

    own_valkey.start()

    await until(lambda: is_ready(shop), within=RETURN_SECONDS)
    assert await add(shop, shopper) == 200


async def test_no_acknowledged_add_is_lost_when_the_store_is_killed_under_load(
    shop: Shop, own_valkey: ValkeyServer
) -> None:
    own_valkey.start()
    shoppers = [f"guest_{secrets.token_hex(4)}" for _ in range(16)]
    acknowledged = dict.fromkeys(shoppers, 0)
    refused = 0
    finished = asyncio.Event()

    async def keep_adding(subject: str) -> None:
        nonlocal refused
        while not finished.is_set():
            if acknowledged[subject] == 98:
                return
            started = time.monotonic()
            if await add(shop, subject) == 200:
                acknowledged[subject] += 1
            else:
                refused += 1
                assert time.monotonic() - started < REFUSAL_SECONDS
                await asyncio.sleep(0.01)

    async def enough_refused() -> bool:
        return refused >= 30

    async with asyncio.TaskGroup() as load:
        for subject in shoppers:
            load.create_task(keep_adding(subject))
        await until(lambda: _reached(acknowledged, 200), within=30)
        own_valkey.kill()
        await until(enough_refused, within=30)
        await asyncio.to_thread(own_valkey.start)
        before = sum(acknowledged.values())
        await until(lambda: _reached(acknowledged, before + 100), within=30)
        finished.set()

    for subject in shoppers:
        answer = await shop.get("/v1/cart", headers=as_shopper(subject))
        # An add whose answer got lost may have happened: more is possible, less is not.
        assert quantities(answer)["MUG"] >= acknowledged[subject]


async def _reached(acknowledged: dict[str, int], total: int) -> bool:
    return sum(acknowledged.values()) >= total


async def test_a_store_that_hangs_is_503_in_time_and_its_late_answers_reach_nobody(
    shop: Shop, own_valkey: ValkeyServer, shopper: str, guest: str
) -> None:
    own_valkey.start()
    assert await add(shop, shopper) == 200
    own_valkey.signal(signal.SIGSTOP)

    started = time.monotonic()
    assert set(await asyncio.gather(*(add(shop, shopper) for _ in range(64)))) == {503}
    assert time.monotonic() - started < REFUSAL_SECONDS

    own_valkey.signal(signal.SIGCONT)
    await until(lambda: adds_again(shop, guest), within=RETURN_SECONDS)
    assert (await shop.get("/v1/cart", headers=as_shopper(guest))).json()["lines"] == [ONE_MUG]


async def test_a_full_store_refuses_adds_and_still_answers_reads(
    shop: Shop, own_valkey: ValkeyServer, shopper: str
) -> None:
    own_valkey.start()
    assert await add(shop, shopper) == 200
    own_valkey.ask("CONFIG", "SET", "maxmemory", "1")

    assert await add(shop, shopper) == 503
    read = await shop.get("/v1/cart", headers=as_shopper(shopper))
    assert quantities(read) == {"MUG": 1}

    own_valkey.ask("CONFIG", "SET", "maxmemory", "0")
    assert await add(shop, shopper) == 200


async def test_a_store_that_became_a_replica_refuses_adds_until_there_is_a_primary(
    shop: Shop, own_valkey: ValkeyServer, shopper: str
) -> None:
    own_valkey.start()
    assert await add(shop, shopper) == 200
    own_valkey.ask("REPLICAOF", "127.0.0.1", 1)

    assert await add(shop, shopper) == 503

    own_valkey.ask("REPLICAOF", "NO", "ONE")
    await until(lambda: adds_again(shop, shopper), within=RETURN_SECONDS)


async def test_a_store_that_forgot_the_scripts_is_told_again(
    shop: Shop, own_valkey: ValkeyServer, shopper: str
) -> None:
    own_valkey.start()
    assert await add(shop, shopper) == 200
    own_valkey.ask("SCRIPT", "FLUSH")

    assert set(await asyncio.gather(*(add(shop, shopper) for _ in range(20)))) == {200}

    read = await shop.get("/v1/cart", headers=as_shopper(shopper))
    assert quantities(read) == {"MUG": 21}


async def test_an_idle_connection_the_server_closed_costs_no_request(
    shop: Shop, own_valkey: ValkeyServer, shopper: str
) -> None:
    own_valkey.start()
    assert await add(shop, shopper) == 200
    own_valkey.ask("CLIENT", "KILL", "TYPE", "normal")
    await asyncio.sleep(0.05)  # let the news of the closed connection arrive

    assert await add(shop, shopper) == 200
