"""Replicas are scraped as Prometheus would, and each failure has a reason."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cartwheel.local.scraper import Scraper, Target
from cartwheel.promql import SampleStore, parse_query

METRICS = b'requests_total{route="/"} 5\n'
TOTAL = parse_query("sum by (instance) (requests_total)")


def response(body: bytes, *, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode() + body


@asynccontextmanager
async def replica(content: bytes) -> AsyncIterator[Target]:
    """A replica that responds to everything with these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(content)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield Target("cart-1", {"instance": "cart-1"}, port)


def new_scraper() -> tuple[Scraper, SampleStore]:
    store = SampleStore(TOTAL.metric_names, longest_range=TOTAL.longest_range)
    return Scraper(store, timeout=5.0, now=lambda: 1000.0), store


async def test_the_samples_of_a_replica_have_its_name() -> None:
    scraper, store = new_scraper()
    async with replica(response(METRICS)) as one:
        await scraper.scrape([one])
    (found,) = TOTAL.evaluate(store, 1000.0)
    assert (found.labels, found.value) == ({"instance": "cart-1"}, 5.0)
    assert scraper.failures == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "does not respond to a scrape"),
        (response(b"", status="503 Service Unavailable"), "HTTP/1.1 503 Service Unavailable"),
        (response(METRICS, length=99), "returns incomplete metrics"),
        (response(b"requests_total many\n"), "cannot be read"),
    ],
)
async def test_a_scrape_that_fails_adds_nothing_and_has_a_reason(
    content: bytes, reason: str
) -> None:
    scraper, store = new_scraper()
    async with replica(content) as one:
        await scraper.scrape([one])
    assert reason in scraper.failures["cart-1"]
    assert TOTAL.evaluate(store, 1000.0) == []


async def test_a_replica_that_is_gone_has_no_samples_any_more() -> None:
    store = SampleStore(TOTAL.metric_names, longest_range=TOTAL.longest_range)
    times = iter([1000.0, 1001.0])
    scraper = Scraper(store, timeout=5.0, now=lambda: next(times))
    async with replica(response(METRICS)) as one:
        await scraper.scrape([one])
        await scraper.scrape([])
    assert TOTAL.evaluate(store, 1001.0) == []


async def test_a_replica_without_a_port_is_down() -> None:
    store = SampleStore({"up"}, longest_range=0.0)
    scraper = Scraper(store, timeout=5.0, now=lambda: 1000.0)
    await scraper.scrape([Target("cart-1", {"instance": "cart-1"}, None)])
    (up,) = parse_query("up").evaluate(store, 1000.0)
    assert up.value == 0.0
    assert scraper.failures == {"cart-1": "has no port"}


async def test_a_new_replica_is_scraped_at_once_and_only_once() -> None:
    times = iter([1000.0, 1001.0])
    store = SampleStore(TOTAL.metric_names, longest_range=TOTAL.longest_range)
    scraper = Scraper(store, timeout=5.0, now=lambda: next(times))
    async with replica(response(METRICS)) as one:
        await scraper.scrape_new([one])
        await scraper.scrape_new([one])
    assert len(TOTAL.evaluate(store, 1000.0)) == 1
    assert next(times) == 1001.0
