"""A request and its response between a real socket and an ASGI app."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.app.serving import serving
from tests.support.raw_http import RawConnection
from tests.support.waiting import until

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
MEGABYTE = 1024 * 1024
PIECES = 32
"""Megabytes; more than the kernel keeps for a caller that does not read."""


@asynccontextmanager
async def connected(app: ASGIApp) -> AsyncIterator[tuple[asyncio.StreamReader, RawConnection]]:
    """A connection to `app`, and what it receives as it comes in."""
    async with serving(app) as address:
        reader, writer = await asyncio.open_connection(*address)
        async with RawConnection(reader, writer) as connection:
            yield reader, connection


def start(status: int = 200, **headers: bytes) -> Message:
    pairs = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}


def body(data: bytes = b"", *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def sending(*messages: Message) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


async def read_all(app: ASGIApp, request: bytes) -> bytes:
    """What the app's answer to `request` is until the connection ends."""
    async with asyncio.timeout(10), connected(app) as (reader, connection):
        await connection.send(request)
        return await reader.read()


def without_date(data: bytes) -> bytes:
    head, separator, rest = data.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"date: ")]
    return b"\r\n".join(lines) + separator + rest


async def test_head_and_body_leave_in_one_write() -> None:
    app = sending(start(content_length=b"5"), body(b"hello"))
    async with connected(app) as (reader, connection):
        await connection.send(GET)
        assert without_date(await reader.read(1000)) == (
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
        )


@pytest.mark.parametrize("headers", [{"content_length": b"5"}, {}])
async def test_a_head_does_not_wait_for_a_late_body(headers: dict[str, bytes]) -> None:
    release = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(**headers))
        await release.wait()
        await send(body(b"hello"))

    async with asyncio.timeout(10), connected(app) as (reader, connection):
        await connection.send(GET)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        release.set()
        assert b"hello" in await reader.read(1000)


async def test_each_chunk_of_a_stream_leaves_when_it_is_sent() -> None:
    release = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"one", more=True))
        await release.wait()
        await send(body(more=True))
        await send(body(b"two", more=True))
        await send(body())

    async with asyncio.timeout(10), connected(app) as (reader, connection):
        await connection.send(GET)
        assert b"transfer-encoding: chunked" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(8) == b"3\r\none\r\n"
        release.set()
        assert await reader.readexactly(13) == b"3\r\ntwo\r\n0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 64 * 1024, 64 * 1024 + 1, 8 * MEGABYTE])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_a_body_of_any_size_and_type_arrives_whole(size: int, kind: Any) -> None:
    length = str(size).encode()
    app = sending(start(content_length=length, connection=b"close"), body(kind(b"a" * size)))
    data = await read_all(app, GET)
    assert data.partition(b"\r\n\r\n")[2] == b"a" * size


async def test_an_app_is_held_back_while_its_caller_does_not_read() -> None:
    sent = 0

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send(start(connection=b"close"))
        for _ in range(PIECES):
            await send(body(b"z" * MEGABYTE, more=True))
            sent += 1
        await send(body())

    async with asyncio.timeout(10), serving(app) as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(GET)
        await until(lambda: sent > 0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert sent < PIECES
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert (await reader.read()).count(b"z") == PIECES * MEGABYTE
        writer.close()


@pytest.mark.parametrize(
    ("request_line", "response", "expected"),
    [
        (b"HEAD / HTTP/1.1", (start(content_length=b"5"), body(b"hello")), b"content-length: 5"),
        (b"HEAD / HTTP/1.1", (start(), body()), b""),
        (b"GET / HTTP/1.1", (start(204), body()), b""),
        (b"GET / HTTP/1.1", (start(304, etag=b'"a"'), body()), b'etag: "a"'),
    ],
)
async def test_a_response_without_a_body_is_only_a_head(
    request_line: bytes, response: tuple[Message, ...], expected: bytes
) -> None:
    data = await read_all(
        sending(*response), request_line + b"\r\nHost: a\r\nConnection: close\r\n\r\n"
    )
    _, _, headers = without_date(data).partition(b"\r\n")
    assert headers == (expected + b"\r\n" if expected else b"") + b"connection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        (GET, start(content_length=b"0", connection=b"close")),
        (GET, start(content_length=b"0", Connection=b"Keep-Alive, Close")),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", start(content_length=b"0")),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", start(content_length=b"0")),
    ],
)
async def test_a_connection_that_is_not_kept_says_so_once(
    request_bytes: bytes, answer: Message
) -> None:
    data = await read_all(sending(answer, body()), request_bytes)
    assert data.lower().count(b"connection: ") == 1
    assert b"close" in data.lower()


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([], b"HTTP/1.1 500 ", id="no response"),
        pytest.param([body(b"hello")], b"HTTP/1.1 500 ", id="a body before its head"),
        pytest.param([start(content_length=b"5")], b"HTTP/1.1 200 ", id="no body"),
        pytest.param([start(content_length=b"5")] * 2, b"HTTP/1.1 200 ", id="two heads"),
        pytest.param([start(content_length=b"5"), body(b"hel")], b"hel", id="too short"),
        pytest.param([start(content_length=b"2"), body(b"hel")], b"HTTP/1.1 200", id="too long"),
        pytest.param([start(), body(b"a", more=True)], b"1\r\na\r\n", id="no end"),
        pytest.param([start(content_length=b"2", evil=b"a\r\nx: 1"), body(b"ok")], b"", id="CRLF"),
        pytest.param([start(content_length=b"2", evil=b"a\nx: 1"), body(b"ok")], b"", id="LF"),
        pytest.param([start(content_length=b"2", evil=b"a\0"), body(b"ok")], b"", id="NUL"),
        pytest.param([start(content_length=b"2", **{"e\r": b""}), body(b"ok")], b"", id="name"),
    ],
)
async def test_a_wrong_response_ends_the_connection(
    messages: list[Message], expected: bytes
) -> None:
    data = await read_all(sending(*messages), GET)
    assert expected in data
    assert data or not expected
    assert b"x: 1" not in data


async def test_an_app_that_fails_after_its_head_ends_the_connection() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(content_length=b"5"))
        raise RuntimeError

    assert without_date(await read_all(app, GET)) == (
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
    )


async def test_a_message_after_the_end_is_the_apps_error() -> None:
    errors = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(content_length=b"0", connection=b"close"))
        await send(body())
        try:
            await send(body())
        except RuntimeError as error:
            errors.append(error)

    await read_all(app, GET)
    assert len(errors) == 1


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    data = b""
    while True:
        message = await receive()
        data += message["body"]
        if not message["more_body"]:
            break
    await send(start(content_length=str(len(data)).encode()))
    await send(body(data))


async def test_a_caller_that_asks_is_told_to_continue() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n"
    async with asyncio.timeout(10), connected(echo) as (reader, connection):
        await connection.send(head)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await connection.send(b"ok")
        assert (await connection.read_response()).body == b"ok"


async def test_a_caller_that_is_refused_is_not_told_to_continue() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    app = sending(start(413, content_length=b"0"), body())
    async with connected(app) as (_, connection):
        await connection.send(head)
        assert (await connection.read_response()).status == 413


@pytest.mark.parametrize("size", [1, 200, 100_000])
async def test_pipelined_bodies_reach_their_own_requests(size: int) -> None:
    bodies = [bytes([letter]) * size for letter in b"abcd"]
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
    async with asyncio.timeout(10), connected(echo) as (_, connection):
        await connection.send(b"".join(head % size + data for data in bodies))
        assert [(await connection.read_response()).body for _ in bodies] == bodies


async def test_a_body_in_many_pieces_is_read_whole() -> None:
    async with asyncio.timeout(10), connected(echo) as (_, connection):
        await connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(40):
            await connection.send(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
        await connection.send(b"0\r\n\r\n")
        assert (await connection.read_response()).body == b"a" * 0x10000 * 40


async def test_trailers_are_no_headers() -> None:
    scopes = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await echo(scope, receive, send)
        scopes.append(scope)

    chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with connected(app) as (_, connection):
        await connection.send(chunked + b"2\r\nok\r\n0\r\nAuthorization: evil\r\n\r\n" + GET)
        assert (await connection.read_response()).body == b"ok"
        assert (await connection.read_response()).status == 200
    assert [dict(scope["headers"]).get(b"authorization") for scope in scopes] == [None, None]


@pytest.mark.fault(67)
async def test_an_endless_trailer_is_refused() -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: "
    async with asyncio.timeout(10), connected(echo) as (_, connection):
        await connection.send(chunked + b"a" * MEGABYTE)
        assert (await connection.read_response()).status == 431
        assert await connection.closed()


@pytest.mark.parametrize("rest", [b"a" * MEGABYTE, b"0\r\nX: " + b"a" * MEGABYTE])
async def test_what_follows_an_early_response_gets_no_second_one(rest: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with asyncio.timeout(10), connected(sending(start(204), body())) as (_, connection):
        await connection.send(head)
        assert (await connection.read_response()).status == 204
        await connection.send(rest)
        assert await connection.closed()


async def test_a_bad_request_behind_an_early_response_and_its_body_is_refused() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
    app = sending(start(413, content_length=b"0"), body())
    async with asyncio.timeout(10), connected(app) as (_, connection):
        await connection.send(head)
        assert (await connection.read_response()).status == 413
        await connection.send(b"abcNONSENSE\r\n\r\n")
        assert (await connection.read_response()).status == 400
        assert await connection.closed()


@pytest.mark.parametrize("earlier", [1, 3])
async def test_a_bad_body_does_not_spoil_the_responses_before_it(
    earlier: int, caplog: pytest.LogCaptureFixture
) -> None:
    release, called = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        called.set()
        await release.wait()
        await send(start(content_length=b"0"))
        await send(body())

    bad = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX"
    async with asyncio.timeout(10), connected(app) as (reader, connection):
        await connection.send(GET * earlier + bad)
        await called.wait()
        release.set()
        assert (await reader.read()).count(b"HTTP/1.1 200 OK") == earlier
    assert not caplog.records


async def test_a_stream_with_a_request_behind_it_learns_that_its_caller_is_gone() -> None:
    learnt = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        end = asyncio.create_task(receive())
        await send(start())
        while not end.done():
            await send(body(b"x", more=True))
            await asyncio.sleep(0.001)
        learnt.set()

    async with asyncio.timeout(10), serving(app) as address:
        async with RawConnection(*await asyncio.open_connection(*address)) as connection:
            await connection.send(GET * 2)
            assert (await connection.read_response()).status == 200
        await learnt.wait()


async def test_an_app_learns_that_its_caller_is_gone() -> None:
    received: list[str] = []
    reading, learnt = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        received.append((await receive())["type"])
        reading.set()
        received.append((await receive())["type"])
        await send(start(content_length=b"0"))
        await send(body())
        learnt.set()

    async with asyncio.timeout(10), serving(app) as address:
        async with RawConnection(*await asyncio.open_connection(*address)) as connection:
            await connection.send(GET)
            await reading.wait()
        await learnt.wait()
    assert received == ["http.request", "http.disconnect"]


async def test_two_readers_both_learn_of_the_end() -> None:
    received: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        readers = [asyncio.create_task(receive()) for _ in range(2)]
        await asyncio.sleep(0)
        await send(start(content_length=b"0", connection=b"close"))
        await send(body())
        received.extend([(await reader)["type"] for reader in readers])

    async with asyncio.timeout(10):
        await read_all(app, GET)
    assert received == ["http.disconnect"] * 2
