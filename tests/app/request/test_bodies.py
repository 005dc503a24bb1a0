"""A body is read whole, within its limits, before the app is called."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from starlette.types import Message, Receive

from app.errors import BadRequest, PayloadTooLarge, RequestTimeout, UnsupportedMediaType
from app.request.bodies import BodyReader, ClientDisconnected, replay
from app.request.media_types import JSON

JSON_HEADERS = {b"content-type": b"application/json"}


def chunks(*parts: bytes, then: Message | None = None, unfinished: bool = False) -> Receive:
    """A `receive` for a body in parts; `then` follows, or nothing ever does."""
    last = None if unfinished else len(parts)
    messages: list[Message] = [
        {"type": "http.request", "body": part, "more_body": number != last}
        for number, part in enumerate(parts, start=1)
    ]
    rest = iter([*messages, then] if then else messages)

    async def receive() -> Message:
        for message in rest:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    return receive


async def read(
    receive: Receive, headers: Mapping[bytes, bytes] = JSON_HEADERS, *, timeout: float = 5
) -> Message:
    """What the app receives first."""
    reader = BodyReader(limit=16, timeout=timeout, accepted=frozenset({JSON}))
    return await replay(await reader.read(receive, headers), receive)()


def declared(body: bytes) -> Mapping[bytes, bytes]:
    return {**JSON_HEADERS, b"content-length": str(len(body)).encode()}


CHUNKED = {**JSON_HEADERS, b"transfer-encoding": b"chunked"}


@pytest.mark.parametrize("parts", [[b'{"a":1}'], [b'{"a"', b":1", b"}"]])
async def test_the_app_receives_the_whole_body_at_once(parts: Sequence[bytes]) -> None:
    for headers in (declared(b"".join(parts)), CHUNKED):
        message = await read(chunks(*parts), headers)
        assert (message["body"], message["more_body"]) == (b'{"a":1}', False)


async def test_after_the_body_the_app_receives_what_the_connection_reports() -> None:
    gone: Message = {"type": "http.disconnect"}
    reader = BodyReader(limit=16, timeout=5, accepted=frozenset({JSON}))
    connection = chunks(b"{}", then=gone)
    receive = replay(await reader.read(connection, declared(b"{}")), connection)
    assert (await receive())["body"] == b"{}"
    assert await receive() == gone


async def test_a_request_without_a_body_is_not_read() -> None:
    receive = chunks()
    reader = BodyReader(limit=16, timeout=5, accepted=frozenset({JSON}))
    assert await reader.read(receive, {}) is None
    assert await reader.read(receive, {b"content-length": b"0"}) is None
    assert replay(None, receive) is receive


@pytest.mark.parametrize("headers", [declared(b"1" * 17), CHUNKED])
async def test_a_body_over_the_limit_is_refused(headers: Mapping[bytes, bytes]) -> None:
    with pytest.raises(PayloadTooLarge) as refused:
        await read(chunks(b"1" * 10, b"1" * 7), headers)
    assert refused.value.headers == {"connection": "close"}


async def test_a_body_that_does_not_arrive_in_time_is_refused() -> None:
    with pytest.raises(RequestTimeout) as refused:
        await read(chunks(b"{", unfinished=True), CHUNKED, timeout=0.01)
    assert refused.value.headers == {"connection": "close"}


async def test_a_body_that_arrives_slowly_but_in_time_is_read() -> None:
    arriving = chunks(b'{"a"', b":1", b"}")

    async def receive() -> Message:
        await asyncio.sleep(0.001)
        return await arriving()

    assert (await read(receive, CHUNKED))["body"] == b'{"a":1}'


@pytest.mark.parametrize("parts", [0, 2])
async def test_an_error_or_cancellation_while_a_body_arrives_reaches_who_waits(parts: int) -> None:
    arriving = chunks(*[b"1"] * parts, unfinished=True)
    ends: list[str] = []

    async def receive() -> Message:
        await asyncio.sleep(0)
        try:
            return await arriving()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise OSError("reset") from None

    reading = asyncio.create_task(read(receive, CHUNKED))
    for _ in range(5):
        await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(OSError, match="reset"):
        await reading
    assert ends == ["cancelled"]


async def test_a_body_that_is_here_needs_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: float) -> None:
        raise AssertionError("a timer was started")

    monkeypatch.setattr(asyncio, "timeout", fail)
    assert (await read(chunks(b"{", b"}"), CHUNKED))["body"] == b"{}"


async def test_a_caller_who_goes_away_is_no_problem() -> None:
    with pytest.raises(ClientDisconnected):
        await read(chunks(b"{", then={"type": "http.disconnect"}, unfinished=True), CHUNKED)


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({**JSON_HEADERS, b"content-length": b"two"}, BadRequest),
        ({b"content-length": b"2"}, UnsupportedMediaType),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    headers: Mapping[bytes, bytes], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await read(chunks(b"{}"), headers)


async def test_a_caller_that_is_cancelled_while_it_waits_for_the_body_stops_waiting() -> None:
    reader = BodyReader(limit=16, timeout=5, accepted=frozenset({JSON}))
    reading = asyncio.create_task(reader.read(chunks(b"{", unfinished=True), CHUNKED))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_body_that_arrives_late_but_in_time_is_read() -> None:
    arrived = asyncio.Event()
    rest = iter([b"[1", b"]"])

    async def receive() -> Message:
        await arrived.wait()
        part = next(rest)
        return {"type": "http.request", "body": part, "more_body": part != b"]"}

    reader = BodyReader(limit=16, timeout=5, accepted=frozenset({JSON}))
    reading = asyncio.create_task(reader.read(receive, CHUNKED))
    await asyncio.sleep(0)
    arrived.set()
    body = await reading
    assert body is not None
    assert body.content == b"[1]"
