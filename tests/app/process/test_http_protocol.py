"""HTTP/1.1 with limits, through real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.support.hostile_input import hostile_requests
from tests.support.processes import ServiceProcess, start_service
from tests.support.raw_http import RawConnection, send_raw

FACTORY = "tests.app.small:create"
SHORT = {
    "CARTWHEEL_HEADER_TIMEOUT": "0.6",
    "CARTWHEEL_BODY_TIMEOUT": "0.6",
    "CARTWHEEL_CONNECTION_MAX_AGE": "60",
}
HEAD = b"GET /v1/items HTTP/1.1\r\nHost: small\r\n"
POST = b"POST /v1/items HTTP/1.1\r\nHost: small\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
async def replica(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("small")
    async with start_service("small", SHORT, folder=folder, factory=FACTORY) as process:
        yield process


@pytest.mark.fault(65, 67)
@pytest.mark.parametrize(("data", "status"), hostile_requests("/v1/items"))
async def test_a_hostile_request_gets_a_problem_and_the_connection_ends(
    replica: ServiceProcess, data: bytes, status: int
) -> None:
    async with await RawConnection.open(replica.url) as connection:
        await connection.send(data)
        response = await connection.read_response()
        assert response.status == status
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["connection"] == "close"
        assert response.json()["status"] == status
        assert await connection.closed()


async def test_head_answers_like_get_without_the_body(replica: ServiceProcess) -> None:
    async with httpx2.AsyncClient(base_url=replica.url) as client:
        for path in ("/v1/items/1", "/v1/nothing", "/livez"):
            head, get = await client.head(path), await client.get(path)
            assert head.status_code == get.status_code
            assert head.headers["content-length"] == get.headers["content-length"]
            assert head.content == b""


@pytest.mark.fault(64)
async def test_forged_forwarding_headers_are_ignored(replica: ServiceProcess) -> None:
    forged = b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Host: evil\r\nForwarded: for=evil\r\n\r\n"
    response = await send_raw(replica.url, HEAD + forged)
    assert response.status == 200
    assert b"evil" not in response.body


async def test_line_breaks_in_a_parameter_reach_no_header(replica: ServiceProcess) -> None:
    async with httpx2.AsyncClient() as client:
        response = await client.get(f"{replica.url}/v1/items?cursor=a%0d%0aX-Evil:%201")
    assert response.status_code == 422
    assert "x-evil" not in response.headers


async def test_an_upgrade_is_answered_in_plain_http(replica: ServiceProcess) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"
    response = await send_raw(replica.url, HEAD + upgrade)
    assert response.status == 200
    assert response.headers["connection"] == "close"


@pytest.mark.fault(66)
async def test_headers_that_trickle_in_are_cut_off(replica: ServiceProcess) -> None:
    async with await RawConnection.open(replica.url) as connection:
        started = time.monotonic()
        trickle = asyncio.create_task(_trickle(connection, HEAD + b"X-Slow: " + b"a" * 1000))
        response = await connection.read_response()
        assert response.status == 408
        assert time.monotonic() - started < 3
        trickle.cancel()


async def test_headers_of_a_second_request_are_cut_off_too(replica: ServiceProcess) -> None:
    async with await RawConnection.open(replica.url) as connection:
        await connection.send(HEAD + b"\r\n")
        assert (await connection.read_response()).status == 200
        await connection.send(b"GET /v1/it")
        assert (await connection.read_response()).status == 408


@pytest.mark.fault(66)
async def test_a_silent_connection_is_closed(replica: ServiceProcess) -> None:
    async with await RawConnection.open(replica.url) as connection:
        assert await connection.closed()


@pytest.mark.fault(66)
async def test_a_body_that_trickles_in_is_cut_off(replica: ServiceProcess) -> None:
    async with await RawConnection.open(replica.url) as connection:
        await connection.send(POST + b"Content-Length: 1000\r\n\r\n")
        trickle = asyncio.create_task(_trickle(connection, b" " * 1000))
        response = await connection.read_response()
        assert response.status == 408
        assert response.headers["connection"] == "close"
        trickle.cancel()


async def test_an_unread_body_does_not_keep_a_connection_open(
    replica: ServiceProcess,
) -> None:
    async with await RawConnection.open(replica.url) as connection:
        await connection.send(b"GET /livez HTTP/1.1\r\nHost: small\r\nContent-Length: 9999\r\n\r\n")
        trickle = asyncio.create_task(_trickle(connection, b" " * 1000))
        assert (await connection.read_response()).status == 200
        assert await connection.closed()
        trickle.cancel()


async def _trickle(connection: RawConnection, data: bytes) -> None:
    for byte in data:
        await connection.send(bytes([byte]))
        await asyncio.sleep(0.05)


async def test_a_declared_huge_body_is_refused_before_it_is_sent(replica: ServiceProcess) -> None:
    response = await send_raw(replica.url, POST + b"Content-Length: 100000000\r\n\r\n")
    assert response.status == 413
    assert response.headers["connection"] == "close"


@pytest.mark.fault(58)
async def test_a_huge_chunked_body_is_refused_and_not_kept(replica: ServiceProcess) -> None:
    memory = psutil.Process(replica.pid).memory_info
    before = memory().rss
    async with await RawConnection.open(replica.url) as connection:
        await connection.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        sending = asyncio.create_task(_send_times(connection, chunk, 1600))
        response = await connection.read_response()
        assert response.status == 413
        assert response.json()["type"] == "urn:cartwheel:problem:payload-too-large"
        await sending
    assert memory().rss - before < 8 * 1024 * 1024


async def _send_times(connection: RawConnection, data: bytes, times: int) -> None:
    for _ in range(times):
        await connection.send(data)


@pytest.mark.fault(66)
async def test_five_hundred_slow_senders_delay_no_other_caller(replica: ServiceProcess) -> None:
    connections = []
    for _ in range(500):
        connection = await RawConnection.open(replica.url)
        # At once: a connection without a byte is closed at the header timeout, without a 408.
        await connection.send(HEAD + b"X-Slow: ")
        connections.append(connection)
    async with httpx2.AsyncClient(base_url=replica.url) as client:
        for _ in range(50):
            assert (await client.get("/v1/items/1")).status_code == 200
    responses = await asyncio.gather(*(connection.read_response() for connection in connections))
    assert {response.status for response in responses} == {408}
    for connection in connections:
        await connection.__aexit__()


async def test_pipelined_requests_are_answered_in_order(replica: ServiceProcess) -> None:
    async with await RawConnection.open(replica.url) as connection:
        paths = [b"/v1/slow?seconds=0.05", b"/v1/items/7", b"/v1/nothing"]
        await connection.send(
            b"".join(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n" for path in paths)
        )
        assert [(await connection.read_response()).status for _ in paths] == [200, 200, 404]


async def test_nonsense_after_a_request_does_not_spoil_its_response(
    replica: ServiceProcess,
) -> None:
    async with await RawConnection.open(replica.url) as connection:
        await connection.send(
            b"GET /v1/slow?seconds=0.1 HTTP/1.1\r\nHost: a\r\n\r\nNONSENSE\r\n\r\n"
        )
        assert (await connection.read_response()).json()["name"] == "slow"
        assert await connection.closed()


async def test_bytes_of_a_request_do_not_count_for_the_one_behind_it(
    replica: ServiceProcess,
) -> None:
    first = HEAD + b"X: " + b"a" * 30_000 + b"\r\n\r\n"
    second = HEAD + b"X: " + b"a" * 12_000 + b"\r\n\r\n"
    async with await RawConnection.open(replica.url) as connection:
        await connection.send(first[:25_000])
        await _until_read(replica)
        await connection.send(first[25_000:] + second[:-1])
        assert (await connection.read_response()).status == 200
        await connection.send(second[-1:])
        assert (await connection.read_response()).status == 200


async def test_bytes_of_headers_do_not_count_for_the_trailers(replica: ServiceProcess) -> None:
    path = b"POST /v1/items?x=" + b"a" * 8000 + POST.removeprefix(b"POST /v1/items")
    head = path + b"Content-Length: 2\r\nX: " + b"a" * 32_000 + b"\r\n\r\n"
    async with await RawConnection.open(replica.url) as connection:
        await connection.send(head[:5])
        await _until_read(replica)
        await connection.send(head[5:])
        await _until_read(replica)
        await connection.send(b"{}")
        assert (await connection.read_response()).status == 422


async def _until_read(replica: ServiceProcess) -> None:
    """By the time another request has its response, what was sent before has been read."""
    for _ in range(2):
        assert (await send_raw(replica.url, HEAD + b"\r\n")).status == 200


async def test_a_connection_ends_at_its_maximum_age(tmp_path: Path) -> None:
    env = {"CARTWHEEL_CONNECTION_MAX_AGE": "0.2"}
    async with (
        start_service("small", env, folder=tmp_path, factory=FACTORY) as replica,
        await RawConnection.open(replica.url) as connection,
    ):
        await connection.send(HEAD + b"\r\n")
        assert "connection" not in (await connection.read_response()).headers
        await asyncio.sleep(0.3)
        await connection.send(HEAD + b"\r\n")
        assert (await connection.read_response()).headers["connection"] == "close"
        assert await connection.closed()
