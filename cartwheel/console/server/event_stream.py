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
SEND_BUFFER = 32 * 1024
"""Bytes. With more, a page that has stopped reading would be noticed minutes later."""
RECONNECTION_TIME = 1000
"""Milliseconds after which a page connects again."""
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"connection", b"close"),
]
HEARTBEAT = b":\n\n"


class _Page:
    """What waits for one page."""

    def __init__(self) -> None:
        self._frame: bytes | None = None
        self._marks: deque[bytes] = deque(maxlen=MAX_WAITING_MARKS)
        self._changed = asyncio.Event()
        self.is_closed = False

    def offer_frame(self, event: bytes) -> None:
        self._frame = event
        self._changed.set()

    def offer_mark(self, event: bytes) -> None:
        self._marks.append(event)
        self._changed.set()

    def close(self) -> None:
        self.is_closed = True
        self._changed.set()

    async def next_events(self) -> bytes:
        """What has come since; a heartbeat if nothing comes for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_INTERVAL):
                await self._changed.wait()
        self._changed.clear()
        events = b"".join([*self._marks, self._frame or b""])
        self._marks.clear()
        self._frame = None
        return events or HEARTBEAT


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
        if len(self._pages) >= MAX_PAGES or self._is_closed:
            detail = f"{len(self._pages)} pages are open; close some of them."
            headers = {"retry-after": "5"}
            response = problem(503, "Too many pages", detail, headers=headers)
            await response(scope, receive, send)
            return
        transport: asyncio.Transport | None = scope.get("state", {}).get("transport")
        _limit_buffers(transport)
        page = _Page()
        self._pages.add(page)
        leaving = asyncio.create_task(_close_when_left(page, receive))
        try:
            await self._send_all(page, send)
        except TimeoutError:
            # What waits for it would keep an orderly end from ending.
            if transport is not None:
                transport.abort()
        finally:
            self._pages.discard(page)
            leaving.cancel()

    async def _send_all(self, page: _Page, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await _send_in_time(send, f"retry: {RECONNECTION_TIME}\n\n".encode())
        if self._live.latest is not None:
            page.offer_frame(self._event_of(self._live.latest))
        while not page.is_closed:
            events = await page.next_events()
            if not page.is_closed:
                await _send_in_time(send, events)
        await _send_in_time(send, b"", more=False)

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


async def _send_in_time(send: Send, body: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(SEND_TIMEOUT):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _close_when_left(page: _Page, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    page.close()


def _limit_buffers(transport: asyncio.Transport | None) -> None:
    """Let a send return only when the kernel has taken it all, and let that take little."""
    if transport is None:
        return
    transport.set_write_buffer_limits(high=0)
    peer: socket.socket = transport.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
