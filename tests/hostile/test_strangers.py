"""Whatever a stranger sends in a header, cookie, query, path or form is the stranger's mistake.

Generated: hostile values at every place where a service reads one. None of them gives a 5xx.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

import pytest

from tests.hostile.strange_requests import (
    Sent,
    forged_cursors,
    headers_of_a_posted_form,
    strange_cookies,
    strange_forms,
    strange_headers,
    strange_paths,
    strange_queries,
)
from tests.support.generated_cases import RecordProperty, record_cases
from tests.support.raw_http import RawConnection
from tests.support.shop import SERVICES, Shop

CONNECTIONS = 16
Sending = Callable[[str, Iterable[Sent]], Awaitable[None]]
"""Sends requests to a service, and fails if one of them gets a server error."""
EACH_SERVICE = pytest.mark.parametrize("service", SERVICES)


@pytest.mark.fault(64)
@EACH_SERVICE
async def test_no_header_gives_a_server_error(
    assert_no_server_error: Sending, shop: Shop, service: str
) -> None:
    await assert_no_server_error(service, strange_headers(shop, service))


@pytest.mark.fault(63, 80)
@EACH_SERVICE
async def test_no_query_gives_a_server_error(
    assert_no_server_error: Sending, shop: Shop, service: str
) -> None:
    await assert_no_server_error(service, strange_queries(shop, service))


@pytest.mark.fault(63)
@EACH_SERVICE
async def test_no_path_gives_a_server_error(
    assert_no_server_error: Sending, shop: Shop, service: str
) -> None:
    await assert_no_server_error(service, strange_paths(shop, service))


async def test_no_cookie_gives_a_server_error(assert_no_server_error: Sending, shop: Shop) -> None:
    await assert_no_server_error("storefront", strange_cookies(shop))


async def test_no_header_of_a_posted_form_gives_a_server_error(
    assert_no_server_error: Sending, shop: Shop
) -> None:
    await assert_no_server_error("storefront", headers_of_a_posted_form())


async def test_no_form_gives_a_server_error(assert_no_server_error: Sending, shop: Shop) -> None:
    await assert_no_server_error("storefront", strange_forms(shop))


@pytest.mark.fault(80)
@pytest.mark.parametrize("service", ["products", "tracking", "storefront"])
async def test_no_forged_cursor_gives_a_server_error(
    assert_no_server_error: Sending, shop: Shop, service: str
) -> None:
    await assert_no_server_error(service, forged_cursors(shop, service))


@pytest.fixture
def assert_no_server_error(
    shop: Shop, record_property: RecordProperty, figure: Callable[..., None]
) -> Iterator[Sending]:
    sent = 0

    async def send(service: str, requests: Iterable[Sent]) -> None:
        nonlocal sent
        every = list(requests)
        sent += len(every)
        assert await _server_errors(shop.url(service), iter(every)) == []

    yield send
    record_cases(record_property, sent)
    figure("{:,} requests, no 5xx", sent)


async def _server_errors(url: str, waiting: Iterator[Sent]) -> list[tuple[int, bytes]]:
    failed: list[tuple[int, bytes]] = []

    async def send_some() -> None:
        connection: RawConnection | None = None
        for sent in waiting:
            if connection is None:
                connection = await RawConnection.open(url)
            await connection.send(sent.encoded())
            answer = await connection.read_response()
            if not 200 <= answer.status < 500:
                failed.append((answer.status, sent.encoded()[:300]))
            if answer.status == 0 or answer.headers.get("connection") == "close":
                await connection.__aexit__()
                connection = None
        if connection is not None:
            await connection.__aexit__()

    await asyncio.gather(*(send_some() for _ in range(CONNECTIONS)))
    return failed
