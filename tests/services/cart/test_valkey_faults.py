"""The cart while its Valkey server is down, dies, hangs, is full or became a replica."""

import asyncio
import json
import secrets
import signal
import time
from collections.abc import AsyncIterator

import pytest

from app.stores.valkey import Valkey
from app.telemetry.metrics import Metrics
from services.cart.models import CartLine, Line
from tests.services.cart.conftest import open_carts
from tests.services.cart.shop import Shop, as_shopper, cart_service, problem_of, quantities
from tests.support.valkey_server import ValkeyServer
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
    response = await shop.post("/v1/cart/items", json=ONE_MUG, headers=as_shopper(subject))
    if response.status_code == 503:
        assert problem_of(response) in ("store-unavailable", "store-full")
        assert response.headers["retry-after"] == "1"
    return response.status_code


async def is_ready(shop: Shop) -> bool:
    return (await shop.get("/readyz")).status_code == 200


async def adds_again(shop: Shop, subject: str) -> bool:
    return await add(shop, subject) == 200


@pytest.mark.fault(1, store="valkey")
async def test_it_starts_without_its_store_and_is_ready_when_the_store_comes(
    shop: Shop, own_valkey: ValkeyServer, shopper: str
) -> None:
    assert (await shop.get("/livez")).status_code == 200
    assert (await shop.get("/readyz")).status_code == 503
    assert await add(shop, shopper) == 503

    own_valkey.start()

    await until(lambda: is_ready(shop), within=RETURN_SECONDS)
    assert await add(shop, shopper) == 200


@pytest.mark.fault(1, store="valkey")
async def test_while_its_store_is_away_the_cart_says_why(
    shop: Shop, own_valkey: ValkeyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    address = own_valkey.url.rpartition("@")[2].removeprefix("valkey://")
    response = await shop.get("/readyz?verbose")
    assert response.json()["checks"]["store"].startswith("The store is not answering. (")
    assert f"connecting to {address}" in response.json()["checks"]["store"]
    own_valkey.start()
    await until(lambda: is_ready(shop), within=RETURN_SECONDS)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    failed, passed = (line for line in lines if line["event"].startswith("check."))
    assert (failed["event"], failed["level"], failed["check"]) == (
        "check.failed",
        "warning",
        "store",
    )
    assert f"connecting to {address}" in failed["reason"]
    assert passed["event"] == "check.passed"


@pytest.mark.fault(2, store="valkey")
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
        response = await shop.get("/v1/cart", headers=as_shopper(subject))
        # An add whose response got lost may have happened: more is possible, less is not.
        assert quantities(response)["MUG"] >= acknowledged[subject]


async def _reached(acknowledged: dict[str, int], total: int) -> bool:
    return sum(acknowledged.values()) >= total


@pytest.mark.fault(4, store="valkey")
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


@pytest.mark.fault(5, store="valkey")
async def test_a_full_store_refuses_adds_says_so_once_and_still_answers_reads(
    shop: Shop, own_valkey: ValkeyServer, shopper: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own_valkey.start()
    assert await add(shop, shopper) == 200
    own_valkey.ask("CONFIG", "SET", "maxmemory", "1")

    refused = await shop.post("/v1/cart/items", json=ONE_MUG, headers=as_shopper(shopper))
    assert (refused.status_code, problem_of(refused)) == (503, "store-full")
    read = await shop.get("/v1/cart", headers=as_shopper(shopper))
    assert quantities(read) == {"MUG": 1}
    assert await is_ready(shop)
    metrics = (await shop.get("/metrics")).text
    assert (
        'store_operation_duration_seconds_count{operation="add",outcome="full",service="cart"'
        in metrics
    )

    assert await add(shop, shopper) == 503
    assert capsys.readouterr().out.count("The store has no room left") == 1

    own_valkey.ask("CONFIG", "SET", "maxmemory", "0")
    assert await add(shop, shopper) == 200


async def test_the_metrics_tell_how_full_the_store_is(own_valkey: ValkeyServer) -> None:
    own_valkey.start()
    own_valkey.ask("CONFIG", "SET", "maxmemory", 48 * 2**20)
    metrics = Metrics("cart")
    async with Valkey(own_valkey.url, metrics=metrics) as valkey:
        await valkey.measure()

    told = metrics.render().decode()
    assert 'store_memory_limit_bytes{service="cart",store="valkey"} 5.0331648e+07' in told
    assert 'store_memory_used_bytes{service="cart",store="valkey"} 0.0' not in told


@pytest.mark.fault(60, store="valkey")
async def test_one_guest_cannot_fill_the_store_for_everybody(
    own_valkey: ValkeyServer, shopper: str, guest: str
) -> None:
    own_valkey.start()
    megabyte = 2**20
    own_valkey.ask("CONFIG", "SET", "maxmemory", used_memory(own_valkey) + 2 * megabyte)

    async with open_carts(own_valkey.url) as carts:
        for batch in range(60):
            mug = Line(sku=f"MUG-{batch}", quantity=1)
            keys = [f"{batch}-{number}-".ljust(255, "k") for number in range(99)]
            await asyncio.gather(*(carts.add(guest, mug, key=key) for key in keys))
        added = await carts.add(shopper, Line(sku="MUG", quantity=1), key="k1")

    assert added.cart.lines == (CartLine(sku="MUG", quantity=1),)


def used_memory(server: ValkeyServer) -> int:
    return server.info("memory", "used_memory")


@pytest.mark.fault(6, store="valkey")
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
