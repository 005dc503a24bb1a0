"""The other side of an open connection has vanished: no packet comes back, no end is announced."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from app.client import Upstream, UpstreamError
from app.process.vanished_peers import limit_unacknowledged
from app.stores.database import Database
from app.stores.errors import StoreUnavailable
from app.stores.valkey import Valkey
from app.telemetry.metrics import Metrics
from cartwheel.tcp_proxy import TcpProxy
from tests.app.client.neighbours import Exchange, neighbour, ok
from tests.faults.namespaces import Namespace, running_namespace
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("namespaces")

Figure = Callable[..., None]
FOUND_WITHIN = 10.0


@pytest.fixture(scope="module")
def space() -> Iterator[Namespace]:
    with running_namespace() as space:
        yield space


@asynccontextmanager
async def moved(space: Namespace, url: str) -> AsyncIterator[str]:
    """The URL of the same server on the other side of the cable."""
    bridge = TcpProxy.to(url, listen_host=space.there)
    with space.entered():
        bridge.open()
    try:
        yield bridge.url_through(url)
    finally:
        await bridge.aclose()


@pytest.mark.fault(7)
async def test_a_call_over_a_kept_connection_ends_in_time_and_the_next_ones_find_the_way_again(
    space: Namespace, figure: Figure
) -> None:
    async with (
        neighbour(ok) as server,
        moved(space, server.url) as url,
        Upstream("products", url, metrics=Metrics("cart")) as client,
    ):
        assert (await client.request("GET", "/")).status_code == 200
        with space.unplugged():
            started = time.monotonic()
            with pytest.raises(UpstreamError):
                await client.request("GET", "/")
            seconds = time.monotonic() - started
        figure("an upstream is missed after {:.1f} s", seconds)
        assert seconds < FOUND_WITHIN
        assert (await client.request("GET", "/")).status_code == 200


@pytest.mark.fault(7)
async def test_an_event_stream_ends_long_before_its_next_event_is_overdue(
    space: Namespace, figure: Figure
) -> None:
    async def stay_silent(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n:\r\n")
        await asyncio.sleep(3600)

    async with (
        neighbour(stay_silent) as server,
        moved(space, server.url) as url,
        Upstream("tracking", url, metrics=Metrics("storefront")) as client,
        client.stream("GET", "/", idle_timeout=45) as response,
    ):
        chunks = response.chunks()
        assert await anext(chunks) == b":"
        with space.unplugged():
            started = time.monotonic()
            with pytest.raises(UpstreamError):
                await anext(chunks)
            seconds = time.monotonic() - started
    figure("the source of events is missed after {:.1f} s", seconds)
    assert seconds < FOUND_WITHIN


@pytest.mark.fault(7)
async def test_a_listener_to_events_that_has_vanished_is_missed(
    space: Namespace, figure: Figure
) -> None:
    ended = asyncio.Event()

    async def send_heartbeats(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b":")
                await writer.drain()
                await asyncio.sleep(0.1)
        except OSError:
            ended.set()
        finally:
            writer.close()

    listener = socket.create_server((space.here, 0))
    limit_unacknowledged(listener, seconds=2)
    with space.entered():
        client = socket.socket()
    async with await asyncio.start_server(send_heartbeats, sock=listener):
        with client:
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, listener.getsockname())
            assert await loop.sock_recv(client, 1) == b":"
            with space.unplugged():
                started = time.monotonic()
                async with asyncio.timeout(FOUND_WITHIN):
                    await ended.wait()
                figure("with a limit of 2 s missed after {:.1f} s", time.monotonic() - started)


@pytest.mark.fault(7, store="valkey")
async def test_valkey_is_missed_by_the_next_call(
    space: Namespace, valkey_url: str, figure: Figure
) -> None:
    async with (
        moved(space, valkey_url) as url,
        Valkey(url, metrics=Metrics("cart")) as valkey,
    ):
        await valkey.ping()
        with space.unplugged():
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await valkey.ping()
            seconds = time.monotonic() - started
        figure("Valkey is missed after {:.1f} s", seconds)
        assert seconds < FOUND_WITHIN
        await until(lambda: responds(valkey))


@pytest.mark.fault(7, store="postgres")
async def test_postgres_is_missed_by_the_next_statement(
    space: Namespace, postgres_url: str, figure: Figure
) -> None:
    async with (
        moved(space, postgres_url) as url,
        Database(url, metrics=Metrics("products")) as database,
    ):
        await database.ping()
        with space.unplugged():
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await database.ping()
            seconds = time.monotonic() - started
        figure("Postgres is missed after {:.1f} s", seconds)
        assert seconds < FOUND_WITHIN
        await until(lambda: responds(database))


async def responds(store: Valkey | Database) -> bool:
    try:
        await store.ping()
    except StoreUnavailable:
        return False
    return True
