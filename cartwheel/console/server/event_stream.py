"""Frames and marks as server-sent events.

For each page at most one frame waits, and a few marks. A page that stops reading is disconnected:
until then it holds what the kernel takes, which is limited too.
"""

import asyncio
import json
import socket
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from cartwheel.console.live import Live
from cartwheel.console.server.problems import problem
from cartwheel.mesh import Frame, Mark

MAX_PAGES = 256
MAX_WAITING_MARKS = 50
HEARTBEAT_INTERVAL = 15.0
SEND_TIMEOUT = 10.0
"""Seconds that one event may take to be sent."""
SEND_BUFFER = 64 * 1024
"""Bytes. With more, a page that has stopped reading would be noticed minutes later."""
RECONNECTION_TIME = 1000
"""Milliseconds after which a page connects again."""
HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "connection": "close",
}
RAW_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
HEARTBEAT = b":\n\n"


class _Page:
    """One open page, and what waits for it."""

    def __init__(self, send: Send, transport: asyncio.Transport) -> None:
        self._send = send
        self._transport = transport
        self._is_sending = False
        self._frame: bytes | None = None
        self._marks: deque[bytes] = deque(maxlen=MAX_WAITING_MARKS)
        self._changed = asyncio.Event()
        self._is_closed = False

    def offer_frame(self, event: bytes) -> None:
        self._frame = event
        self._changed.set()

    def offer_mark(self, event: bytes) -> None:
        self._marks.append(event)
        self._changed.set()

    def close(self) -> None:
        """End the stream; at once if the page does not take what is being sent."""
        self._is_closed = True
        self._changed.set()
        if self._is_sending:
            self._transport.abort()

    async def send_all(self) -> None:
        """Send what is offered until the page is closed or stops reading."""
        _limit_buffers(self._transport)
        await self._send({"type": "http.response.start", "status": 200, "headers": RAW_HEADERS})
        await self._send_in_time(f"retry: {RECONNECTION_TIME}\n\n".encode())
        while not self._is_closed:
            await self._wait_for_change()
            await self._send_in_time(self._take_events() or HEARTBEAT, is_last=self._is_closed)

    async def _wait_for_change(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_INTERVAL):
                await self._changed.wait()
        self._changed.clear()

    def _take_events(self) -> bytes:
        events = b"".join([*self._marks, self._frame or b""])
        self._marks.clear()
        self._frame = None
        return events

    async def _send_in_time(self, body: bytes, *, is_last: bool = False) -> None:
        self._is_sending = True
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await self._send(
                    {"type": "http.response.body", "body": body, "more_body": not is_last}
                )
        except TimeoutError:
            # What waits for it would keep an orderly end from ending.
            self._is_closed = True
            self._transport.abort()
        finally:
            self._is_sending = False


class EventStream:
    """`/api/stream`. A frame is serialized once for all pages."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._pages: set[_Page] = set()
        self._serialized: tuple[Frame, bytes] | None = None
        self._is_closed = False
        live.on_frame.append(self._offer_frame)
        live.on_mark.append(self._offer_mark)

    @property
    def routes(self) -> Sequence[Route]:
        return [Route("/api/stream", self, methods=["GET"])]

    @property
    def page_count(self) -> int:
        return len(self._pages)

    def close(self) -> None:
        """End the stream of every page, and of each that still comes."""
        self._is_closed = True
        for page in self._pages:
            page.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one page until it leaves, stops reading, or the console stops."""
        if scope["method"] == "HEAD":
            await Response(headers=HEADERS)(scope, receive, send)
            return
        if len(self._pages) >= MAX_PAGES or self._is_closed:
            detail = f"{len(self._pages)} pages are open; close some of them."
            headers = {"retry-after": "5"}
            response = problem(503, "Too many pages", detail, headers=headers)
            await response(scope, receive, send)
            return
        page = _Page(send, scope["state"]["transport"])
        if self._live.latest is not None:
            page.offer_frame(self._event_of(self._live.latest))
        self._pages.add(page)
        leaving = asyncio.create_task(_close_when_left(page, receive))
        try:
            await page.send_all()
            await leaving
        finally:
            self._pages.discard(page)
            leaving.cancel()

    def _offer_frame(self, frame: Frame) -> None:
        if not self._pages:
            return
        event = self._event_of(frame)
        for page in self._pages:
            page.offer_frame(event)

    def _offer_mark(self, mark: Mark) -> None:
        event = _event("mark", asdict(mark))
        for page in self._pages:
            page.offer_mark(event)

    def _event_of(self, frame: Frame) -> bytes:
        if self._serialized is None or self._serialized[0] is not frame:
            self._serialized = frame, _event("frame", asdict(frame))
        return self._serialized[1]


def _event(name: str, data: dict[str, Any]) -> bytes:
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return f"event: {name}\ndata: {text}\n\n".encode()


async def _close_when_left(page: _Page, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    page.close()


def _limit_buffers(transport: asyncio.Transport) -> None:
    """Let a send return only when the kernel has taken it all, and let that take little."""
    transport.set_write_buffer_limits(high=0)
    peer: socket.socket = transport.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
