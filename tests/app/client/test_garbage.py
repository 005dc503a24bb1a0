"""A call that failed is freed at once, with its response, its connection and its error."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import pytest

from app.client import Upstream, UpstreamError
from app.client.connection import Connection, Exchange
from app.telemetry.context import Deadline, RequestContext, use_context
from tests.app.client import neighbours
from tests.app.client.calling import no_pause, upstream
from tests.app.client.neighbours import Behaviour, hang, hang_up, ok, responding, sending
from tests.app.clocks import Clock

KINDS = (Connection, Exchange, UpstreamError, asyncio.CancelledError, TimeoutError)
"""What would be kept until the next collection, and with it all that it refers to."""

CUT_OFF = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + b"x" * 1000


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": request.param}


@contextmanager
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def alive() -> dict[str, int]:
    found = [one for one in gc.get_objects() if isinstance(one, KINDS)]
    return {kind.__name__: sum(isinstance(one, kind) for one in found) for kind in KINDS}


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Fail if there is more afterwards than before."""
    with no_collection():
        before = alive()
        yield
        for _ in range(20):  # the ends of the connections arrive
            if alive() == before:
                return
            await asyncio.sleep(0.02)
        assert alive() == before


async def call(client: Upstream, method: str = "POST", **options: Any) -> None:
    with suppress(UpstreamError):
        await client.request(method, "/", **options)


BEHAVIOURS: dict[str, Behaviour] = {
    "cut off": sending(CUT_OFF, then=neighbours.Exchange.hang_up),
    "reset": sending(CUT_OFF, then=neighbours.Exchange.reset),
    "no response": hang_up,
    "no HTTP": sending(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "silent": hang,
    "a slow body": sending(CUT_OFF),
    "a redirect": responding(302),
    "the last of its connection": responding(200, b"ok", "connection: close\r\n"),
    "an error": responding(500),
}


class TestCalls:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize("behave", BEHAVIOURS.values(), ids=BEHAVIOURS.keys())
    async def test_a_failed_call_is_freed(self, behave: Behaviour, method: str) -> None:
        async with (
            neighbours.neighbour(behave) as server,
            nothing_left(),
            upstream(server.url, timeout=0.1, pause=no_pause) as client,
        ):
            for _ in range(3):
                await call(client, method)

    async def test_a_refused_call_is_freed(self) -> None:
        port = await neighbours.unused_port()
        async with nothing_left(), upstream(f"http://127.0.0.1:{port}", pause=no_pause) as client:
            for _ in range(3):
                await call(client)

    async def test_a_call_without_a_replica_is_freed(self) -> None:
        async with nothing_left(), upstream("file:/nonexistent") as client:
            await call(client)

    async def test_a_call_with_too_little_time_is_freed(self) -> None:
        async with (
            neighbours.neighbour(hang) as server,
            nothing_left(),
            upstream(server.url) as client,
        ):
            with use_context(RequestContext(deadline=Deadline.after(0.05))):
                await call(client)

    async def test_a_call_while_the_breaker_is_open_is_freed(self) -> None:
        async with (
            neighbours.neighbour(hang_up) as server,
            nothing_left(),
            upstream(server.url, clock=Clock()) as client,
        ):
            for _ in range(30):
                await call(client)
            assert not client.available

    async def test_a_call_is_freed_that_found_no_connection(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.client.transport.LIMITS.max_connections", 1)
        async with (
            neighbours.neighbour(hang) as server,
            nothing_left(),
            upstream(server.url, timeout=0.2) as client,
        ):
            await asyncio.gather(*(call(client) for _ in range(3)))

    @pytest.mark.parametrize("turns", [0, 1])
    async def test_a_cancelled_call_is_freed(self, turns: int) -> None:
        async with (
            neighbours.neighbour(hang) as server,
            nothing_left(),
            upstream(server.url) as client,
        ):
            task = asyncio.create_task(call(client))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            del task


class TestStreams:
    @pytest.mark.parametrize("behave", BEHAVIOURS.values(), ids=BEHAVIOURS.keys())
    async def test_a_stream_is_freed(self, behave: Behaviour) -> None:
        async with (
            neighbours.neighbour(behave) as server,
            nothing_left(),
            upstream(server.url, timeout=0.1, pause=no_pause) as client,
        ):
            await self._read(client)

    async def test_a_stream_that_its_reader_left_is_freed(self) -> None:
        async with (
            neighbours.neighbour(sending(CUT_OFF)) as server,
            nothing_left(),
            upstream(server.url) as client,
            client.stream("GET", "/", idle_timeout=1.0),
        ):
            pass

    async def _read(self, client: Upstream) -> None:
        with suppress(UpstreamError):
            async with client.stream("GET", "/", idle_timeout=0.1) as response:
                async for _ in response.chunks():
                    pass


async def test_a_good_call_leaves_nothing_either() -> None:
    async with (
        neighbours.neighbour(ok) as server,
        nothing_left(),
        upstream(server.url) as client,
    ):
        await call(client)
