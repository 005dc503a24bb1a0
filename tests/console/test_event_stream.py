"""The stream of frames over real sockets: pages that read, that stop reading, that leave."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from cartwheel.console.server import event_stream
from cartwheel.mesh import Frame, Mark
from tests.console.console_server import Console, serving_console
from tests.support.waiting import until

LARGE = "x" * 200_000


@pytest.fixture(scope="module")
async def console() -> AsyncIterator[Console]:
    async with serving_console() as running:
        yield running


class Page:
    """One open stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def lines(self) -> AsyncIterator[str]:
        while line := await asyncio.wait_for(self._reader.readline(), 5):
            yield line.decode().rstrip("\n")

    async def next_event(self) -> tuple[str, dict[str, Any]]:
        """The next frame or mark."""
        name = ""
        async for line in self.lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: "):
                return name, json.loads(line.removeprefix("data: "))
        raise EOFError

    async def next_at(self) -> float:
        _, data = await self.next_event()
        at: float = data["at"]
        return at


@asynccontextmanager
async def page(console: Console) -> AsyncIterator[Page]:
    """A page whose stream has begun."""
    reader, writer = await asyncio.open_connection("127.0.0.1", console.port, limit=2**20)
    host = f"Host: 127.0.0.1:{console.port}\r\n"
    writer.write(f"GET /api/stream HTTP/1.1\r\n{host}\r\n".encode())
    opened = Page(reader, writer)
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 200"), head
        yield opened
    finally:
        writer.transport.abort()


def publish(console: Console, at: float, headline: str = "") -> None:
    console.live.publish(Frame(at=at, headline=headline))


async def test_the_newest_frame_comes_at_once(console: Console) -> None:
    publish(console, 1)
    publish(console, 2)
    async with page(console) as opened:
        assert await opened.next_event() == ("frame", {**(await frame_of(console)), "at": 2})


async def frame_of(console: Console) -> dict[str, Any]:
    assert console.live.latest is not None
    return json.loads(json.dumps(vars(console.live.latest)))  # type: ignore[no-any-return]


async def test_a_look_at_the_headers_opens_no_stream(console: Console) -> None:
    response = await console.client.head("/api/stream")

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert console.stream.page_count == 0


async def test_a_mark_comes_to_every_page(console: Console) -> None:
    publish(console, 1)
    async with page(console) as first, page(console) as second:
        for one in (first, second):
            await one.next_event()
        console.live.mark(Mark(5, "decision", "2 → 7", "The load rose."))

        mark = {"at": 5, "kind": "decision", "title": "2 → 7", "detail": "The load rose."}
        assert await first.next_event() == ("mark", mark)
        assert await second.next_event() == ("mark", mark)


async def test_a_page_gets_the_newest_of_the_frames_that_came_together(console: Console) -> None:
    publish(console, 1)
    async with page(console) as opened:
        await opened.next_event()
        for at in range(10, 20):
            publish(console, at)

        assert await opened.next_at() == 19


@pytest.mark.parametrize("count", [20, 200])
async def test_many_pages_get_each_frame_which_is_serialized_once(
    console: Console, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    serialized = []
    original = event_stream._event
    monkeypatch.setattr(
        event_stream, "_event", lambda *args: (serialized.append(args), original(*args))[1]
    )
    publish(console, 100)
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(page(console)) for _ in range(count)]
        assert {await one.next_at() for one in pages} == {100}
        publish(console, 101)
        assert {await one.next_at() for one in pages} == {101}
    await until(lambda: console.stream.page_count == 0)

    assert len(serialized) == 2


async def test_a_page_too_many_is_refused_until_another_leaves(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "MAX_PAGES", 1)
    async with page(console):
        refused = await console.client.get("/api/stream")
    await until(lambda: console.stream.page_count == 0)
    publish(console, 3)
    async with page(console) as next_one:
        assert await next_one.next_at() == 3

    assert (refused.status_code, refused.json()["title"]) == (503, "Too many pages")


async def test_a_page_that_stops_reading_is_disconnected_and_delays_nobody(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "SEND_TIMEOUT", 0.5)
    async with page(console) as stalled, page(console) as reading:
        stalled.writer.transport.pause_reading()  # type: ignore[attr-defined]
        connections = len(console.server.server_state.connections)
        at = 1000
        while console.stream.page_count == 2:
            at += 1
            publish(console, at, LARGE)
            assert await reading.next_at() <= at
        await until(lambda: len(console.server.server_state.connections) < connections)


async def test_what_waits_for_a_stalled_page_is_one_frame(console: Console) -> None:
    async with page(console) as stalled:
        stalled.writer.transport.pause_reading()  # type: ignore[attr-defined]
        connection = next(iter(console.server.server_state.connections))
        for at in range(2000, 2100):
            publish(console, at, LARGE)
            await asyncio.sleep(0)

        assert connection.transport.get_write_buffer_size() <= 2 * len(LARGE)


async def test_a_quiet_stream_has_a_heartbeat(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "HEARTBEAT_INTERVAL", 0.01)
    async with page(console) as opened:
        lines = opened.lines()
        async with asyncio.timeout(5):
            while await anext(lines) != ":":
                pass


async def test_open_and_stalled_pages_do_not_delay_the_stop() -> None:
    async with serving_console() as console:
        publish(console, 1)
        async with page(console) as reading, page(console) as stalled:
            stalled.writer.transport.pause_reading()  # type: ignore[attr-defined]
            for at in range(2, 20):
                publish(console, at, LARGE)
                await reading.next_at()
            console.server.should_exit = True
            started = time.monotonic()
            await console.serving
            rest = [line async for line in reading.lines()]

    assert time.monotonic() - started < event_stream.SEND_TIMEOUT / 2
    assert rest[-2:] == ["0\r", "\r"] or rest == []
