"""Relaying event streams: how many at once, and how they end when the process drains."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from starlette.responses import Response
from starlette.types import Message

from app.client import Upstream
from app.process.lifecycle import Lifecycle
from app.telemetry.metrics import Metrics
from services.storefront.event_streams import (
    BYE_EVENT,
    EventStreams,
    NoMoreStreams,
    TooManyStreams,
    relay_events,
)
from tests.support.identity import token
from tests.support.network import FakeNetwork


class _Endless(httpx2.AsyncByteStream):
    """One event, and then nothing for a long time."""

    def __init__(self) -> None:
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"id: 1\ndata: {}\n\n"
        await asyncio.sleep(60)

    async def aclose(self) -> None:
        self.closed = True


def _streams(*, per_account: int, limit: int) -> EventStreams:
    count = Metrics("test").gauge("streams", "How many are open?")
    return EventStreams(per_account=per_account, limit=limit, count=count)


@pytest.mark.fault(27)
async def test_a_stream_sends_bye_and_ends_when_the_process_drains() -> None:
    body, lifecycle, streams = _Endless(), Lifecycle(), _streams(per_account=5, limit=5)
    transport = FakeNetwork(
        lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=body)
    )
    url = "http://tracking:8000"
    async with Upstream("tracking", url, metrics=Metrics("test"), transport=transport) as upstream:
        response = await relay_events(
            upstream,
            "/v1/orders/1/events",
            headers={},
            bearer="token",
            lifecycle=lifecycle,
            streams=streams,
        )
        chunks = aiter(response.body_iterator)  # type: ignore[attr-defined]
        assert await anext(chunks) == b"id: 1\ndata: {}\n\n"
        lifecycle.start_draining()
        async with asyncio.timeout(1):
            assert await anext(chunks) == BYE_EVENT
            assert await anext(chunks, None) is None
    assert body.closed


@asynccontextmanager
async def open_upstream() -> AsyncIterator[Upstream]:
    def response(_: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(200, headers=headers, stream=_Endless())

    transport = FakeNetwork(response)
    async with Upstream(
        "tracking", "http://tracking:8000", metrics=Metrics("test"), transport=transport
    ) as upstream:
        yield upstream


async def followed(upstream: Upstream, streams: EventStreams, account: str) -> Response:
    return await relay_events(
        upstream,
        "/v1/orders/1/events",
        headers={},
        bearer=token(account),
        lifecycle=Lifecycle(),
        streams=streams,
    )


async def leave_before_the_first_byte(response: Response) -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    async def nowhere(_: Message) -> None:
        pass

    await response({"type": "http", "asgi": {"spec_version": "2.3"}}, gone, nowhere)


@pytest.mark.fault(82)
async def test_an_account_has_so_many_streams_whichever_of_its_tokens_it_shows() -> None:
    streams = _streams(per_account=2, limit=10)
    async with open_upstream() as upstream:
        opened = [await followed(upstream, streams, "user_ada") for _ in range(2)]
        with pytest.raises(TooManyStreams):
            await followed(upstream, streams, "user_ada")
        opened.append(await followed(upstream, streams, "user_bob"))
        await leave_before_the_first_byte(opened[0])
        opened.append(await followed(upstream, streams, "user_ada"))
        for response in opened[1:]:
            await leave_before_the_first_byte(response)


@pytest.mark.fault(82)
async def test_a_replica_passes_on_so_many_streams_and_no_more() -> None:
    streams = _streams(per_account=5, limit=2)
    async with open_upstream() as upstream:
        opened = [await followed(upstream, streams, f"user_{number}") for number in range(2)]
        with pytest.raises(NoMoreStreams):
            await followed(upstream, streams, "user_3")
        for response in opened:
            await leave_before_the_first_byte(response)
        await leave_before_the_first_byte(await followed(upstream, streams, "user_3"))


async def test_a_stream_the_upstream_declines_is_not_counted() -> None:
    streams = _streams(per_account=1, limit=1)
    transport = FakeNetwork(lambda _: httpx2.Response(404, json={}))
    async with Upstream(
        "tracking", "http://tracking:8000", metrics=Metrics("test"), transport=transport
    ) as upstream:
        for _ in range(2):
            assert (await followed(upstream, streams, "user_ada")).status_code == 404
