"""What no client library would send, on the sockets of each service."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import psutil
import pytest

from tests.hostile.targets import TARGETS, Target, assert_problem
from tests.support.hostile_input import hostile_requests
from tests.support.raw_http import RawConnection, send_raw
from tests.support.shop import Shop

EACH_SERVICE = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.service)
MEGABYTE = 1024 * 1024
GROWTH = 12 * MEGABYTE
"""What a replica may grow by while 100 MB are thrown at it: its buffers, not the body."""
SLOW_SENDERS = 100
CUT_OFF_WITHIN = 6.0
"""Seconds; the shop of the tests waits 1.5 for headers and bodies."""


@pytest.mark.fault(65, 67)
@EACH_SERVICE
@pytest.mark.parametrize(("data", "status"), hostile_requests("/v1/none"))
async def test_a_request_that_is_none_is_refused_and_the_connection_ends(
    shop: Shop, target: Target, data: bytes, status: int
) -> None:
    async with await RawConnection.open(shop.url(target.service)) as connection:
        await connection.send(data)
        answer = await connection.read_response()
        assert_problem(answer, status)
        assert answer.headers["connection"] == "close"
        assert await connection.closed()


@pytest.mark.fault(58)
@EACH_SERVICE
async def test_a_declared_huge_body_is_refused_before_it_is_sent(
    shop: Shop, target: Target
) -> None:
    data = target.head(shop) + b"Content-Length: 100000000\r\n\r\n"
    answer = await send_raw(shop.url(target.service), data)
    assert_problem(answer, 413)
    assert answer.headers["connection"] == "close"


@pytest.mark.fault(58)
@EACH_SERVICE
async def test_a_huge_chunked_body_is_refused_and_not_kept(shop: Shop, target: Target) -> None:
    head = target.head(shop) + b"Transfer-Encoding: chunked\r\n\r\n"
    await _send_100_megabytes(shop, target.service, head)


@pytest.mark.fault(58)
async def test_a_huge_form_is_refused_and_not_kept(shop: Shop) -> None:
    head = (
        b"POST /login HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    await _send_100_megabytes(shop, "storefront", head)


async def _send_100_megabytes(shop: Shop, service: str, head: bytes) -> None:
    memory = psutil.Process(shop.process(service).pid).memory_info
    before = memory().rss
    async with await RawConnection.open(shop.url(service)) as connection:
        await connection.send(head)
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        sending = asyncio.create_task(_send_times(connection, chunk, 1600))
        answer = await connection.read_response()
        assert_problem(answer, 413)
        assert answer.headers["connection"] == "close"
        await sending
    assert memory().rss - before < GROWTH


async def _send_times(connection: RawConnection, data: bytes, times: int) -> None:
    for _ in range(times):
        await connection.send(data)


@pytest.mark.fault(66)
@EACH_SERVICE
async def test_slow_senders_are_cut_off_and_hold_nobody_up(shop: Shop, target: Target) -> None:
    url = shop.url(target.service)
    head = target.head(shop)
    async with AsyncExitStack() as stack:
        headers, bodies, silent = [
            [
                await stack.enter_async_context(await RawConnection.open(url))
                for _ in range(SLOW_SENDERS)
            ]
            for _ in range(3)
        ]
        for connection in headers:
            await connection.send(head + b"X-Slow: ")
        for connection in bodies:
            await connection.send(head + b"Content-Length: 1000\r\n\r\n{")
        async with _dripping(headers + bodies):
            started = time.monotonic()
            request = f"GET {target.reading} HTTP/1.1\r\nHost: shop\r\n\r\n".encode()
            for _ in range(10):
                assert (await send_raw(url, request)).status == 200
            answers = await asyncio.gather(*(one.read_response() for one in headers + bodies))
            assert {answer.status for answer in answers} == {408}
            for answer in answers:
                assert_problem(answer, 408)
        assert all(await asyncio.gather(*(one.closed() for one in silent)))
        assert time.monotonic() - started < CUT_OFF_WITHIN


@asynccontextmanager
async def _dripping(connections: list[RawConnection]) -> AsyncIterator[None]:
    """Send another byte on each, again and again."""

    async def drip() -> None:
        while True:
            for connection in connections:
                await connection.send(b" ")
            await asyncio.sleep(0.2)

    task = asyncio.create_task(drip())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.fault(64)
@EACH_SERVICE
@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("Host: evil.example", id="Host"),
        pytest.param("Host: shop\r\nX-Forwarded-Host: evil.example", id="X-Forwarded-Host"),
        pytest.param("Host: shop\r\nForwarded: host=evil.example;for=evil", id="Forwarded"),
        pytest.param("Host: shop\r\nX-Original-URL: /evil.example", id="X-Original-URL"),
        pytest.param("Host: shop\r\nX-Request-Id: evil.example\t<b>", id="X-Request-Id"),
        pytest.param("Host: shop\r\nTraceparent: 00-evil.example-1-01", id="traceparent"),
    ],
)
async def test_forged_headers_are_ignored(shop: Shop, target: Target, lines: str) -> None:
    data = f"GET {target.reading} HTTP/1.1\r\n{lines}\r\n\r\n".encode()
    answer = await send_raw(shop.url(target.service), data)
    assert answer.status == 200
    assert b"evil" not in answer.body
    assert "evil" not in str(answer.headers)


@pytest.mark.fault(64)
@EACH_SERVICE
@pytest.mark.parametrize(
    "path",
    [
        "/v1/%0d%0aX-Evil:%201",
        "/%0d%0aX-Evil:%201",
        "//evil.example/%2e%2e",
        "/login?next=//evil.example",
        "/login?next=/%0d%0aX-Evil:%201",
        "/search?q=%0d%0aX-Evil:%201",
        "/api/cart/v1/%0d%0aX-Evil:%201",
        "/v1/products?cursor=%0d%0aX-Evil:%201",
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
async def test_line_breaks_in_an_address_reach_no_header(
    shop: Shop, target: Target, path: str, accept: str
) -> None:
    data = f"GET {path} HTTP/1.1\r\nHost: shop\r\nAccept: {accept}\r\n\r\n".encode()
    answer = await send_raw(shop.url(target.service), data)
    assert answer.status < 500
    assert "x-evil" not in answer.headers
    assert "evil" not in str(answer.headers)
    assert b"evil.example" not in answer.body


@pytest.mark.fault(64)
async def test_an_address_a_shopper_claims_is_not_believed(shop: Shop) -> None:
    """Tries are counted by address; a forged one must reach the user service from nobody."""
    line = b"GET /api/user/v1/users/me HTTP/1.1\r\nHost: shop\r\nX-Service-Token: "
    answer = await send_raw(
        shop.url("storefront"), line + b"a-guess\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"
    )
    assert_problem(answer, 401)
