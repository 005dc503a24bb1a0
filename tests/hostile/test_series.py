"""Strangers cannot make a service remember more than it must."""

import random
from collections.abc import Sequence

import psutil
import pytest

from tests.support.raw_http import RawConnection
from tests.support.shop import SERVICES, Shop

REQUESTS = 10_000
AT_ONCE = 100
MAX_SERIES = 2000
GROWTH = 12 * 1024 * 1024
"""Bytes a replica may grow by meanwhile: keeping a little of each request would be more."""

PLACES = (
    "/{word}",
    "/v1/{word}",
    "/v1/products/{word}",
    "/v1/products/{word}/image.svg",
    "/v1/cart/items/{word}",
    "/v1/orders/{word}",
    "/v1/reservations/{word}:commit",
    "/v1/users/{word}",
    "/api/{word}/v1/cart",
    "/api/cart/{word}",
    "/static/{word}",
    "/.well-known/{word}",
    "/openapi.json?{word}={word}",
)
# No HEAD: its answers tell of a body that does not come.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "TRACE", "LOCK")


@pytest.mark.fault(78)
@pytest.mark.parametrize("service", SERVICES)
async def test_ten_thousand_random_addresses_leave_the_series_as_they_were(
    shop: Shop, service: str
) -> None:
    chance = random.Random(service)
    process = psutil.Process(shop.process(service).pid)
    await _ask(shop, service, [(method, place) for method in METHODS for place in PLACES], chance)
    series, memory = _series(shop, service), process.memory_info().rss
    received = _received(shop, service)
    pairs = [(chance.choice(METHODS), chance.choice(PLACES)) for _ in range(REQUESTS)]
    await _ask(shop, service, pairs, chance)
    assert _received(shop, service) - received >= REQUESTS
    assert _series(shop, service) == series
    assert len(series) < MAX_SERIES
    assert process.memory_info().rss - memory < GROWTH


async def _ask(
    shop: Shop, service: str, pairs: Sequence[tuple[str, str]], chance: random.Random
) -> None:
    async with await RawConnection.open(shop.url(service)) as connection:
        for first in range(0, len(pairs), AT_ONCE):
            some = pairs[first : first + AT_ONCE]
            await connection.send(b"".join(_request(*pair, chance) for pair in some))
            for pair in some:
                answer = await connection.read_response()
                assert 200 <= answer.status < 500, (pair, answer)


def _request(method: str, place: str, chance: random.Random) -> bytes:
    path = place.format(word=f"{chance.getrandbits(64):X}")
    agent = f"{chance.getrandbits(64):x}"
    return f"{method} {path} HTTP/1.1\r\nHost: shop\r\nUser-Agent: {agent}\r\n\r\n".encode()


def _series(shop: Shop, service: str) -> set[str]:
    """Names and labels; without what background work adds to at its own times.

    That is the store's, and the one route that a neighbour asks every few seconds.
    """
    lines = shop.request(service, "GET", "/metrics").text.splitlines()
    samples = {line.rpartition(" ")[0] for line in lines if not line.startswith("#")}
    return {
        sample
        for sample in samples
        if not sample.startswith("store_") and 'route="/v1/deletions"' not in sample
    }


def _received(shop: Shop, service: str) -> float:
    lines = shop.request(service, "GET", "/metrics").text.splitlines()
    counts = [line for line in lines if line.startswith("http_requests_received_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in counts)
