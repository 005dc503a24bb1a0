"""Connections to real little servers: which are kept, which are closed, how many there are."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.client.errors import LocalLimit, UpstreamBroken, UpstreamRefused, UpstreamTimeout
from app.client.messages import Request
from app.client.pool import ConnectionPool, Limits
from app.errors import BadRequest
from tests.app.client.neighbours import (
    Behaviour,
    Exchange,
    Neighbour,
    hang,
    neighbour,
    ok,
    sending,
    unused_port,
)


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": request.param}


@asynccontextmanager
async def pooled(
    *, max_connections: int = 8, max_idle: int = 8, idle_seconds: float = 30.0
) -> AsyncIterator[ConnectionPool]:
    pool = ConnectionPool(Limits(max_connections, max_idle, idle_seconds))
    try:
        yield pool
    finally:
        await pool.aclose()


@asynccontextmanager
async def pooled_to(behave: Behaviour, **limits: Any) -> AsyncIterator[tuple["Client", Neighbour]]:
    async with neighbour(behave) as server, pooled(**limits) as pool:
        yield Client(pool, server.url), server


class Client:
    def __init__(self, pool: ConnectionPool, url: str) -> None:
        self._pool = pool
        self._url = url

    async def ask(self, *, timeout: float = 5.0, content: bytes = b"", **headers: str) -> bytes:
        """The body of the response."""
        request = Request("products", "POST", self._url, "/", headers, content)
        exchange = await self._pool.send(request, timeout=timeout, connect_timeout=timeout)
        try:
            parts = []
            while (part := await exchange.next_part(timeout)) is not None:
                parts.append(part)
            return b"".join(parts)
        finally:
            exchange.close()


def _end(peer: socket.socket) -> None:
    peer.shutdown(socket.SHUT_WR)


def _send_unasked(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged")


def act_while_the_loop_is_busy(act: Callable[[socket.socket], None], last: Exchange) -> None:
    """Act at the peer's end of the connection; our end has no turn to notice."""
    fd = last.writer.get_extra_info("socket").fileno()
    with socket.socket(fileno=os.dup(fd)) as peer:
        act(peer)
    time.sleep(0.01)


class TestKeptConnections:
    async def test_a_connection_serves_one_request_after_the_other(self) -> None:
        async with pooled_to(ok) as (client, server):
            assert [await client.ask() for _ in range(20)] == [b"ok"] * 20

        assert server.connections == 1

    async def test_requests_at_once_have_connections_of_their_own(self) -> None:
        async with pooled_to(ok) as (client, server):
            for _ in range(5):
                await asyncio.gather(*(client.ask() for _ in range(4)))

        assert server.connections == 4

    async def test_one_that_was_idle_for_too_long_is_not_used(self) -> None:
        async with pooled_to(ok, idle_seconds=-1.0) as (client, server):
            for _ in range(3):
                await client.ask()

        assert server.connections == 3

    async def test_only_so_many_are_kept(self) -> None:
        async with pooled_to(ok, max_idle=2) as (client, server):
            await asyncio.gather(*(client.ask() for _ in range(6)))
            await asyncio.gather(*(client.ask() for _ in range(6)))

        assert server.connections == 10

    async def test_one_that_the_peer_closed_is_not_used(self) -> None:
        async def respond_and_leave(exchange: Exchange) -> None:
            await exchange.respond()
            exchange.hang_up()

        async with pooled_to(respond_and_leave) as (client, server):
            for _ in range(5):
                await client.ask()
                await asyncio.sleep(0.02)  # the end of the connection arrives

        assert server.connections == 5

    @pytest.mark.parametrize("act", [_end, _send_unasked], ids=["end", "unasked response"])
    async def test_one_with_something_to_read_is_not_used(
        self, act: Callable[[socket.socket], None]
    ) -> None:
        async with pooled_to(ok) as (client, server):
            for _ in range(5):
                await client.ask()
                act_while_the_loop_is_busy(act, server.asked[-1])
                assert await client.ask() == b"ok"

        assert len(server.asked) == 10
        assert server.connections == 6

    async def test_connections_to_one_replica_make_room_for_another(self) -> None:
        async with (
            neighbour(ok) as first,
            neighbour(ok) as second,
            pooled(max_connections=2) as pool,
        ):
            for server in (first, second) * 3:
                assert await Client(pool, server.url).ask() == b"ok"
                await asyncio.gather(*(Client(pool, server.url).ask() for _ in range(2)))

        assert (len(first.asked), len(second.asked)) == (9, 9)


class TestLimits:
    async def test_a_full_pool_refuses_after_a_moment(self) -> None:
        async with pooled_to(hang, max_connections=2) as (client, server):
            waiting = [asyncio.create_task(client.ask()) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(LocalLimit):
                await client.ask()
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

        assert server.connections == 2

    async def test_a_request_waits_for_the_next_free_connection(self) -> None:
        async with pooled_to(ok, max_connections=2) as (client, server):
            assert set(await asyncio.gather(*(client.ask() for _ in range(30)))) == {b"ok"}

        assert server.connections == 2

    async def test_what_fails_or_is_cancelled_leaves_no_connection_taken(self) -> None:
        answers = [hang, sending(b"nonsense\r\n\r\n"), sending(b"", then=Exchange.reset)]

        async def in_turn(exchange: Exchange) -> None:
            await answers[len(server.asked) % 3](exchange)

        async with pooled_to(in_turn, max_connections=2) as (client, server):
            for _ in range(12):
                with pytest.raises((UpstreamBroken, UpstreamTimeout)):
                    await client.ask(timeout=0.05)
                cancelled = asyncio.create_task(client.ask())
                await asyncio.sleep(0)
                cancelled.cancel()
                await asyncio.gather(cancelled, return_exceptions=True)
            answers[:] = [ok] * 3
            assert set(await asyncio.gather(*(client.ask() for _ in range(10)))) == {b"ok"}

    async def test_a_refused_connection_leaves_none_taken_either(self) -> None:
        port = await unused_port()
        async with pooled(max_connections=1) as pool:
            client = Client(pool, f"http://127.0.0.1:{port}")
            for _ in range(5):
                with pytest.raises(UpstreamRefused) as refused:
                    await client.ask()
                assert refused.value.unsent


class TestRequests:
    async def test_a_large_body_arrives_whole(self) -> None:
        content = bytes(range(256)) * 8192
        async with pooled_to(ok) as (client, server):
            assert await client.ask(content=content) == b"ok"

        assert server.asked[0].body == content

    async def test_a_large_response_arrives_whole(self) -> None:
        content = bytes(range(256)) * 8192

        async def respond(exchange: Exchange) -> None:
            await exchange.respond(body=content)

        async with pooled_to(respond) as (client, server):
            assert [await client.ask() for _ in range(3)] == [content] * 3

        assert server.connections == 1

    @pytest.mark.parametrize(
        "value",
        ["a\r\nb: c", "a\nb: c", "a\rb", "a\0b", "a\x0bb", "a\x0cb", "a\x7f", "\u20ac"],
    )
    async def test_a_header_that_is_none_is_not_sent(self, value: str) -> None:
        async with pooled_to(ok) as (client, server):
            with pytest.raises(BadRequest):
                await client.ask(x=value)

        assert server.connections == 0

    @pytest.mark.parametrize("name", ["", "x y", "x:", "x\t", "x(", "x\r\ny", "\xe4"])
    async def test_a_name_that_is_no_token_is_not_sent(self, name: str) -> None:
        async with pooled_to(ok) as (client, server):
            with pytest.raises(BadRequest):
                await client.ask(**{name: "a"})

        assert server.connections == 0

    @pytest.mark.parametrize(
        "url",
        ["http://a:port", "http://a:99999", "http://[::1", "http://:80", f"http://{'a' * 70}.b"],
    )
    async def test_an_address_that_is_none_is_refused(self, url: str) -> None:
        async with pooled(max_connections=1) as pool:
            for _ in range(2):
                with pytest.raises(UpstreamRefused) as refused:
                    await Client(pool, url).ask()
                assert refused.value.unsent

    async def test_the_wait_for_a_connection_is_part_of_the_timeout(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.client.pool.POOL_TIMEOUT", 3600)
        async with pooled_to(hang, max_connections=1) as (client, _):
            first = asyncio.create_task(client.ask())
            await asyncio.sleep(0)
            with pytest.raises(LocalLimit):
                await asyncio.wait_for(client.ask(timeout=0.02), 5)
            first.cancel()

    async def test_a_connection_that_is_made_while_the_pool_closes_is_closed(self) -> None:
        async with neighbour(ok) as server:
            async with pooled() as pool:
                asking = asyncio.create_task(Client(pool, server.url).ask())
                await asyncio.sleep(0)
            with pytest.raises(LocalLimit):
                await asking

        assert not server.asked

    async def test_closing_the_pool_ends_what_is_on_its_way(self) -> None:
        asked = asyncio.Event()

        async def take_and_hang(exchange: Exchange) -> None:
            asked.set()
            await hang(exchange)

        async with neighbour(take_and_hang) as server:
            async with pooled() as pool:
                waiting = asyncio.create_task(Client(pool, server.url).ask())
                await asked.wait()
            with pytest.raises(UpstreamBroken):
                await waiting
