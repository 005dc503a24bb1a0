"""Many requests at the same moment, on replicas of a running shop and on both sets of stores."""

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from services.products.service.catalogue import FRESH_SECONDS
from tests.support.http_load import Connection, HttpRequest
from tests.support.raw_http import RawConnection
from tests.support.shop import SKU
from tests.system.recorded import recorded
from tests.system.shop import RunningShop, checkout, shop_up

pytestmark = pytest.mark.xdist_group("many at once")

HERD = 500
HERD_SECONDS = 6.5
MIN_FRESH = 0.85 * FRESH_SECONDS
"""The time to live varies by a tenth, and a value is loaded a little earlier."""
REPLICAS = 2
DUPLICATES = 50
SETTINGS = {
    # So that duplicates arrive while the first request is at work.
    "CARTWHEEL_PAYMENT_MODE": "slow",
    "CARTWHEEL_PAYMENT_DELAY": "0.6",
    # The sweeper resumes what a killed process has left, sooner than after a minute.
    "CARTWHEEL_STALL_SECONDS": "2",
    "CARTWHEEL_SWEEP_SECONDS": "0.3",
}
BETWEEN_KILLS = 1.2
KEYS = {
    "empty": b"",
    "10 KB": b"k" * 10_240,
    "CR": b"a\rb",
    "LF": b"a\nb",
    "folded": b"a\r\n b",
    "NUL": b"a\0b",
    "CRLF at the end": b"a\r\n",
}


@pytest.fixture(scope="module", params=["sqlite", "real"])
def shop(request: pytest.FixtureRequest) -> Iterator[RunningShop]:
    with shop_up(stores=request.param, **SETTINGS) as shop:
        yield shop


@pytest.mark.fault(24, store=("sqlite", "postgres"))
async def test_500_clients_cause_one_query_per_expiry_and_replica(
    shop: RunningShop, figure: Callable[..., None]
) -> None:
    await shop.scale("products", REPLICAS)
    before, started = await queries_of(shop), time.monotonic()
    statuses = await herd(shop, until=started + HERD_SECONDS)
    queries = await queries_of(shop) - before
    expiries = (time.monotonic() - started) / MIN_FRESH + 1
    assert set(statuses) == {200}
    assert statuses.total() > 2 * HERD, "each client asked again after the first expiry"
    assert 0 < queries <= REPLICAS * expiries
    figure("{} queries for {:,} requests", queries, statuses.total())


async def herd(shop: RunningShop, *, until: float) -> Counter[int]:
    """The statuses of one product, read again and again by many clients at once."""
    urls = cycle(shop.own_urls("products"))
    request, statuses = HttpRequest("GET", f"/v1/products/{SKU}"), Counter[int]()

    async def client(url: str) -> None:
        connection = Connection(url)
        while time.monotonic() < until:
            statuses[(await connection.send(request)).status] += 1
        connection.close()

    async with asyncio.TaskGroup() as clients:
        for _ in range(HERD):
            clients.create_task(client(next(urls)))
    return statuses


async def queries_of(shop: RunningShop) -> int:
    """How often the replicas have read a product from their store."""
    number = 0.0
    for url in shop.own_urls("products"):
        connection = Connection(url)
        metrics = (await connection.send(HttpRequest("GET", "/metrics"))).body.decode()
        connection.close()
        number += sum(
            float(line.rpartition(" ")[2])
            for line in metrics.splitlines()
            if line.startswith("store_operation_duration_seconds_count{")
            and 'operation="find_product"' in line
        )
    return int(number)


@pytest.mark.fault(42, 44, store=("sqlite", "postgres"))
async def test_fifty_requests_with_one_key_get_the_first_ones_response_within_two_seconds(
    shop: RunningShop, figure: Callable[..., None]
) -> None:
    await shop.scale("tracking", REPLICAS)
    person = await asyncio.to_thread(shop.person)
    add = HttpRequest("POST", "/v1/cart/items", person.headers, {"sku": SKU, "quantity": 1})
    async with recorded(shop) as traffic:
        assert (await traffic.send(shop.url("cart"), add)).ok
        request = checkout(person, shop.price(SKU), key="the-only-one")
        urls = cycle(shop.own_urls("tracking"))
        responses = await traffic.send_all_at_once((next(urls), request) for _ in range(DUPLICATES))
    assert Counter(response.status for response in responses) == {201: DUPLICATES}
    assert len({response.body for response in responses}) == 1
    replayed = [one.headers.get("idempotency-replayed") == "true" for one in responses]
    assert sum(replayed) == DUPLICATES - 1
    assert len(traffic.books.orders or ()) == len(traffic.books.payments or ()) == 1
    places = [one for one in traffic.history if one.call == "place"]
    longest = max(one.returned_at - one.called_at for one in places)
    figure("50 responses after at most {:.1f} s", longest)


@pytest.mark.fault(46, store=("sqlite", "valkey", "postgres"))
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("path", ["/v1/cart/items", "/v1/orders"])
async def test_a_key_of_10_kilobytes_or_with_line_breaks_does_nothing(
    shop: RunningShop, path: str, key: bytes
) -> None:
    person = await asyncio.to_thread(shop.person)
    body = json.dumps({"sku": SKU, "quantity": 1}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nauthorization: {person.headers['authorization']}\r\n"
    )
    service = "cart" if "cart" in path else "tracking"
    async with await RawConnection.open(shop.own_urls(service)[0]) as connection:
        data = head.encode() + b"idempotency-key: " + key + b"\r\n\r\n" + body
        await connection.send(data)
        response = await connection.read_response()
    assert response.status == 400
    cart = shop.request("cart", "GET", "/v1/cart", headers=person.headers).json()
    assert cart["lines"] == []


@pytest.mark.fault(56, store=("sqlite", "valkey", "postgres"))
async def test_the_history_of_mixed_shoppers_is_accepted_while_processes_are_killed(
    shop: RunningShop, tmp_path: Path, figure: Callable[..., None]
) -> None:
    report = tmp_path / "load.json"
    load = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cartwheel", "load", "--check", "--scenario", "mixed"),
        *("--rate", "60", "--seconds", "8", "--expect", "failed>=0,missed>=0"),
        *("--state-dir", str(shop.run.state), "--json", str(report)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    for name in ("cart", "tracking", "valkey", "postgres", "cart"):
        await asyncio.sleep(BETWEEN_KILLS)
        await asyncio.to_thread(kill_one, shop, name)
    output, _ = await load.communicate()
    assert load.returncode == 0, output.decode()
    found = json.loads(report.read_text())["consistency"]
    assert found["passed"]
    figure("{:,} operations acknowledged", found["operations"]["ok"])


def kill_one(shop: RunningShop, name: str) -> None:
    """A replica of a service or a store; nothing if there is no such process now."""
    status: dict[str, Any] = json.loads(shop.run.command("status", "--json").stdout)
    replicas = [one for service in status["services"] for one in service["replicas"]]
    pids = [one["pid"] for one in (*replicas, *status["servers"]) if one["service"] == name]
    for pid in filter(None, pids[:1]):
        os.kill(pid, signal.SIGKILL)
