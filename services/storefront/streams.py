"""Passing event streams on, so many and no more, and ending them when this process has to stop."""

import asyncio
import base64
import binascii
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress

from prometheus_client import Gauge
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.client import StreamedResponse, Upstream, UpstreamError
from app.errors import TooManyRequests, Unavailable
from app.process.lifecycle import Lifecycle

EVENT_STREAM = "text/event-stream"
IDLE = 45.0
"""Seconds without a byte after which a stream is taken for dead. Heartbeats come more often."""
MAX_REFUSAL = 64 * 1024
GOODBYE = b"event: bye\ndata: {}\n\n"
"""Tells a browser that this end closes on purpose; it comes back to another replica."""


class TooManyStreams(TooManyRequests):
    type = "too-many-streams"
    title = "You are listening in too many places"


class NoMoreStreams(Unavailable):
    type = "too-many-listeners"
    title = "Too many people are listening"


class Streams:
    """Counts the streams this replica passes on: ``limit`` in all, some of them of one account.

    Each holds a connection to a neighbour for as long as somebody watches a parcel. Who is
    refused asks again from time to time, as the order page does.
    """

    def __init__(self, *, per_account: int, limit: int, count: Gauge) -> None:
        self._per_account = per_account
        self._limit = limit
        self._count = count
        self._open = 0
        self._open_of: Counter[str] = Counter()

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """A place for as long as the block lasts. Raises `NoMoreStreams`."""
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
    def one_more_of(self, account: str) -> Iterator[None]:
        """A place of the account's for as long as the block lasts. Raises `TooManyStreams`."""
        if self._open_of[account] >= self._per_account:
            raise TooManyStreams("Close another stream first.", retry_after=5)
        self._open_of[account] += 1
        try:
            yield
        finally:
            self._open_of[account] -= 1
            self._open_of += Counter()  # forgets those who left


async def relayed_events(
    upstream: Upstream,
    path: str,
    *,
    headers: Mapping[str, str],
    bearer: str | None,
    lifecycle: Lifecycle,
    streams: Streams,
) -> Response:
    """The neighbour's event stream; a refusal as it is.

    Raises `UpstreamError`, `NoMoreStreams` and `TooManyStreams`.
    """
    sent = {name: value for name, value in headers.items() if value} | {"accept": EVENT_STREAM}
    async with AsyncExitStack() as stack:
        stack.enter_context(streams.one_more())
        answer = await stack.enter_async_context(
            upstream.stream("GET", path, headers=sent, bearer=bearer, idle_timeout=IDLE)
        )
        kind = answer.headers.get("content-type", "")
        if answer.status_code != 200 or not kind.startswith(EVENT_STREAM):
            content = await answer.read(limit=MAX_REFUSAL)
            return Response(content, answer.status_code, media_type=kind or None)
        # Not before the neighbour has verified the token: what it says is true now.
        stack.enter_context(streams.one_more_of(_account(bearer or _shown_token(sent))))
        until_closed = stack.pop_all()
    return _RelayedEvents(answer, until_closed, lifecycle)


class _RelayedEvents(StreamingResponse):
    """Gives the stream's places back even if the reader left before the first byte."""

    def __init__(
        self, answer: StreamedResponse, until_closed: AsyncExitStack, lifecycle: Lifecycle
    ) -> None:
        super().__init__(
            _relay(answer, until_closed, lifecycle),
            media_type=EVENT_STREAM,
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )
        self._until_closed = until_closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._until_closed:
            await super().__call__(scope, receive, send)


async def _relay(
    answer: StreamedResponse, until_closed: AsyncExitStack, lifecycle: Lifecycle
) -> AsyncIterator[bytes]:
    """The chunks, until the neighbour ends, fails, or we have to go."""
    draining = asyncio.create_task(lifecycle.wait_draining())
    chunks = aiter(answer.chunks())
    coming: asyncio.Task[bytes | None] | None = None
    try:
        while True:
            coming = asyncio.create_task(_next(chunks))
            await asyncio.wait({coming, draining}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                yield GOODBYE
                return
            chunk = coming.result()
            if chunk is None:
                return
            yield chunk
    except UpstreamError:
        # The browser sees the stream end and asks again, with the last id it got.
        return
    finally:
        for task in (coming, draining):
            if task is not None and not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        await until_closed.aclose()


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


def _shown_token(headers: Mapping[str, str]) -> str:
    return headers.get("authorization", "").partition(" ")[2].strip()


def _account(token: str) -> str:
    """Whose token it is; one we cannot read counts for itself."""
    try:
        claims = token.split(".")[1]
        subject = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        subject = None
    return subject if isinstance(subject, str) else hashlib.sha256(token.encode()).hexdigest()
