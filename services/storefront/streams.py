"""Passing event streams on, and ending them in time when this process has to stop."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, suppress

from starlette.responses import Response, StreamingResponse

from app.client import StreamedAnswer, Upstream, UpstreamError
from app.lifecycle import Lifecycle

EVENT_STREAM = "text/event-stream"
IDLE = 45.0
"""Seconds without a byte after which a stream is taken for dead. Heartbeats come more often."""
LONGEST_REFUSAL = 64 * 1024
GOODBYE = b"event: bye\ndata: {}\n\n"
"""Tells a browser that this end closes on purpose; it comes back to another replica."""


async def relayed_events(
    upstream: Upstream,
    path: str,
    *,
    headers: Mapping[str, str],
    bearer: str | None,
    lifecycle: Lifecycle,
    params: Mapping[str, str] | None = None,
) -> Response:
    """The neighbour's event stream; a refusal as it is. Raises `UpstreamError`."""
    sent = {name: value for name, value in headers.items() if value} | {"accept": EVENT_STREAM}
    async with AsyncExitStack() as stack:
        answer = await stack.enter_async_context(
            upstream.stream("GET", path, headers=sent, params=params, bearer=bearer, idle=IDLE)
        )
        kind = answer.headers.get("content-type", "")
        if answer.status_code != 200 or not kind.startswith(EVENT_STREAM):
            content = await answer.read(limit=LONGEST_REFUSAL)
            return Response(content, answer.status_code, media_type=kind or None)
        until_closed = stack.pop_all()
    return StreamingResponse(
        _relay(answer, until_closed, lifecycle),
        media_type=EVENT_STREAM,
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _relay(
    answer: StreamedAnswer, until_closed: AsyncExitStack, lifecycle: Lifecycle
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
