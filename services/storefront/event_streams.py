"""Relaying event streams of an upstream: a limited number, ended when this process drains."""

import asyncio
import base64
import binascii
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.client import StreamedResponse, Upstream, UpstreamError
from app.errors import TooManyRequests, Unavailable
from app.process.lifecycle import Lifecycle
from app.telemetry.cells import Gauge

EVENT_STREAM = "text/event-stream"
IDLE_TIMEOUT = 45.0
"""Seconds without a byte after which a stream counts as dead. Heartbeats come more often."""
MAX_ERROR_BODY = 64 * 1024
BYE_EVENT = b"event: bye\ndata: {}\n\n"
"""Says that this end closes on purpose; the browser then connects to another replica."""


class TooManyStreams(TooManyRequests):
    type = "too-many-streams"
    title = "You are listening in too many places"


class NoMoreStreams(Unavailable):
    type = "too-many-listeners"
    title = "Too many people are listening"


class EventStreams:
    """Limits the open streams of this replica: in all, and for each account.

    Each holds a connection to an upstream for as long as somebody watches an order. The order
    page tries again from time to time when it is refused.
    """

    def __init__(self, *, per_account: int, limit: int, count: Gauge) -> None:
        self._per_account = per_account
        self._limit = limit
        self._count = count
        self._open = 0
        self._open_by_account: Counter[str] = Counter()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Counts a stream for as long as the block lasts. Raises `NoMoreStreams`."""
        if self._open >= self._limit:
            raise NoMoreStreams("Try again in a moment.", retry_after=5)
        self._open += 1
        self._count.set(self._open)
        try:
            yield
        finally:
            self._open -= 1
            self._count.set(self._open)

    @contextmanager
    def open_for(self, account: str) -> Iterator[None]:
        """Counts one of the account's for as long as the block lasts. Raises `TooManyStreams`."""
        if self._open_by_account[account] >= self._per_account:
            raise TooManyStreams("Close another stream first.", retry_after=5)
        self._open_by_account[account] += 1
        try:
            yield
        finally:
            self._open_by_account[account] -= 1
            self._open_by_account += Counter()  # drops the accounts without a stream


async def relay_events(
    upstream: Upstream,
    path: str,
    *,
    headers: Mapping[str, str],
    bearer: str | None,
    lifecycle: Lifecycle,
    streams: EventStreams,
) -> Response:
    """The upstream's event stream, or its error response as it is.

    Raises `UpstreamError`, `NoMoreStreams` and `TooManyStreams`.
    """
    sent = {name: value for name, value in headers.items() if value} | {"accept": EVENT_STREAM}
    async with AsyncExitStack() as stack:
        stack.enter_context(streams.open())
        response = await stack.enter_async_context(
            upstream.stream("GET", path, headers=sent, bearer=bearer, idle_timeout=IDLE_TIMEOUT)
        )
        media_type = response.headers.get("content-type", "")
        if response.status_code != 200 or not media_type.startswith(EVENT_STREAM):
            content = await response.read(limit=MAX_ERROR_BODY)
            return Response(content, response.status_code, media_type=media_type or None)
        # Only now, as the upstream has verified the token that names the account.
        stack.enter_context(streams.open_for(_account(bearer or _bearer_in(sent))))
        until_closed = stack.pop_all()
    return _RelayedEvents(response, until_closed, lifecycle)


class _RelayedEvents(StreamingResponse):
    """Closes the stream even if the reader left before the first byte."""

    def __init__(
        self, upstream: StreamedResponse, until_closed: AsyncExitStack, lifecycle: Lifecycle
    ) -> None:
        super().__init__(
            _relay(upstream, until_closed, lifecycle),
            media_type=EVENT_STREAM,
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )
        self._until_closed = until_closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._until_closed:
            await super().__call__(scope, receive, send)


async def _relay(
    upstream: StreamedResponse, until_closed: AsyncExitStack, lifecycle: Lifecycle
) -> AsyncIterator[bytes]:
    """The chunks, until the upstream ends or fails, or this process drains."""
    draining = asyncio.create_task(lifecycle.wait_draining())
    chunks = aiter(upstream.chunks())
    next_chunk: asyncio.Task[bytes | None] | None = None
    try:
        while True:
            next_chunk = asyncio.create_task(_next(chunks))
            await asyncio.wait({next_chunk, draining}, return_when=asyncio.FIRST_COMPLETED)
            if not next_chunk.done():
                yield BYE_EVENT
                return
            chunk = next_chunk.result()
            if chunk is None:
                return
            yield chunk
    except UpstreamError:
        # The browser sees the stream end, and connects again with the last id it got.
        return
    finally:
        for task in (next_chunk, draining):
            if task is not None and not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await until_closed.aclose()


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


def _bearer_in(headers: Mapping[str, str]) -> str:
    return headers.get("authorization", "").partition(" ")[2].strip()


def _account(token: str) -> str:
    """The subject of the token; a token that cannot be read is an account of its own."""
    try:
        claims = token.split(".")[1]
        subject = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        subject = None
    return subject if isinstance(subject, str) else hashlib.sha256(token.encode()).hexdigest()
