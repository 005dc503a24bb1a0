"""Passing events on while the process has to stop."""

import asyncio
from collections.abc import AsyncIterator

import httpx2

from app.client import Upstream
from app.lifecycle import Lifecycle
from app.telemetry.metrics import Metrics
from services.storefront.streams import GOODBYE, relayed_events


class _Endless(httpx2.AsyncByteStream):
    """One event, and then nothing for a long time."""

    def __init__(self) -> None:
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"id: 1\ndata: {}\n\n"
        await asyncio.sleep(60)

    async def aclose(self) -> None:
        self.closed = True


async def test_a_stream_says_goodbye_and_ends_when_the_process_drains() -> None:
    body, lifecycle = _Endless(), Lifecycle()
    transport = httpx2.MockTransport(
        lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=body)
    )
    url = "http://tracking:8000"
    async with Upstream("tracking", url, metrics=Metrics("test"), transport=transport) as upstream:
        response = await relayed_events(
            upstream, "/v1/orders/1/events", headers={}, bearer="token", lifecycle=lifecycle
        )
        chunks = aiter(response.body_iterator)  # type: ignore[attr-defined]
        assert await anext(chunks) == b"id: 1\ndata: {}\n\n"
        lifecycle.start_draining()
        async with asyncio.timeout(1):
            assert await anext(chunks) == GOODBYE
            assert await anext(chunks, None) is None
    assert body.closed
