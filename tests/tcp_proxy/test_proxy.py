"""A proxy passes on what both sides send, and its toxics change that while connections are open."""

import asyncio
import errno
import random
import resource
import socket
from dataclasses import replace
from typing import Any

import pytest

from cartwheel.tcp_proxy import (
    Bandwidth,
    Down,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    TcpProxy,
    Timeout,
)
from cartwheel.tcp_proxy.toxics import StreamToxic
from tests.support.waiting import until
from tests.tcp_proxy.echo import connected, proxied, serving

MOMENT = 0.03  # seconds


async def seconds_of(work: Any) -> float:
    loop = asyncio.get_running_loop()
    started = loop.time()
    await work
    return loop.time() - started


class TestWithoutToxics:
    async def test_what_both_sides_send_arrives(self) -> None:
        content = random.Random(1).randbytes(3_000_000)
        async with proxied() as (proxy, _), connected(proxy) as client:
            sending = asyncio.create_task(client.send(content))
            assert await client.reader.readexactly(len(content)) == content
            await sending

    async def test_a_side_that_has_sent_all_may_still_receive(self) -> None:
        async def respond_at_the_end(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            writer.write(b"all: " + await reader.read())

        async with proxied(serve=respond_at_the_end) as (proxy, _), connected(proxy) as client:
            await client.send(b"hello")
            client.writer.write_eof()
            assert await client.rest() == b"all: hello"

    async def test_a_client_that_leaves_is_gone_for_the_server_too(self) -> None:
        async with proxied() as (proxy, server):
            async with connected(proxy) as client:
                await client.ask(b"hello")
            await until(lambda: server.endings == ["closed"])
            await until(lambda: proxy.open_connections == 0)

    async def test_a_reset_is_passed_on(self) -> None:
        async with proxied() as (proxy, server):
            async with connected(proxy) as client:
                await client.ask(b"hello")
                client.writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
                )
                client.writer.transport.abort()
            await until(lambda: server.endings == ["reset"])

    async def test_without_a_server_connections_are_reset(self) -> None:
        async with serving() as server:
            port = server.port
        async with TcpProxy("127.0.0.1", port) as proxy, connected(proxy) as client:
            assert await client.rest() == "reset"

    async def test_a_sender_waits_for_a_receiver_that_does_not_read(self) -> None:
        read = asyncio.Event()

        async def read_late(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await read.wait()
            while await reader.read(1_000_000):
                pass

        async with proxied(serve=read_late) as (proxy, server), connected(proxy) as client:
            much = asyncio.create_task(client.send(bytes(20_000_000)))
            await asyncio.sleep(MOMENT)
            assert not much.done()
            read.set()
            await much
            client.writer.write_eof()
            await until(lambda: server.endings == ["closed"])

    async def test_closing_it_closes_its_connections_and_its_port(self) -> None:
        before = asyncio.all_tasks()
        async with proxied() as (proxy, _), connected(proxy) as client:
            await client.ask(b"hello")
            proxy.set_toxics([Timeout(stream="upstream")])
            await client.send(b"is held")
            await proxy.aclose()
            assert await client.rest() in (b"", "reset")
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", proxy.port)
        await until(lambda: asyncio.all_tasks() == before)

    async def test_a_connection_may_be_closed_before_it_is_served(self) -> None:
        async with proxied() as (proxy, _):
            async with connected(proxy) as client:
                await until(lambda: proxy.accepted == 1)
                proxy.set_toxics([Down()])
                assert await client.rest() in (b"", "reset")
            await until(lambda: proxy.open_connections == 0)

    async def test_a_client_too_many_waits_until_another_has_left(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cartwheel.tcp_proxy.proxy.MAX_CONNECTIONS", 1)
        async with proxied() as (proxy, _), connected(proxy) as first:
            await first.ask(b"hello")
            async with connected(proxy) as waiting:
                asked = asyncio.create_task(waiting.ask(b"hello"))
                await asyncio.sleep(MOMENT)
                assert not asked.done()
                first.writer.close()
                assert await asked == b"hello"

    async def test_clients_wait_when_only_the_files_of_its_process_are_left(self) -> None:
        async with proxied() as (proxy, _):
            before = resource.getrlimit(resource.RLIMIT_NOFILE)
            with socket.socket() as lowest:
                limit = lowest.fileno() + 4
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
            try:
                async with connected(proxy) as client:
                    asked = asyncio.create_task(client.ask(b"hello"))
                    await asyncio.sleep(MOMENT)
                    assert proxy.open_connections == 0
                    resource.setrlimit(resource.RLIMIT_NOFILE, before)
                    assert await asked == b"hello"
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_server_of_a_url_is_reached_through_the_proxy() -> None:
    url = "valkey://:p%40ss@127.0.0.1:6379/3?a=b"
    proxy = TcpProxy.to(url)
    proxy.port = 7000
    assert proxy.url_through(url) == "valkey://:p%40ss@127.0.0.1:7000/3?a=b"


def test_a_url_without_a_port_is_refused() -> None:
    with pytest.raises(ValueError, match="A URL with a host and a port is needed"):
        TcpProxy.to("valkey://127.0.0.1")


class TestLatency:
    @pytest.mark.parametrize("stream", ["upstream", "downstream"])
    async def test_a_round_trip_takes_so_much_longer(self, stream: Any) -> None:
        toxic = Latency(latency_ms=60, stream=stream)
        async with proxied(toxic) as (proxy, _), connected(proxy) as client:
            assert await seconds_of(client.ask(b"hello")) >= 0.06

    async def test_latencies_add_up(self) -> None:
        toxics = [Latency(latency_ms=40), Latency(latency_ms=40, stream="upstream")]
        async with proxied(*toxics) as (proxy, _), connected(proxy) as client:
            assert await seconds_of(client.ask(b"hello")) >= 0.08

    async def test_with_jitter_the_order_stays(self) -> None:
        toxic = Latency(latency_ms=10, jitter_ms=10, stream="upstream")
        content = bytes(range(100))
        async with proxied(toxic) as (proxy, _), connected(proxy) as client:
            for number in content:
                await client.send(bytes([number]))
            assert await client.reader.readexactly(len(content)) == content

    async def test_what_is_on_its_way_arrives_when_it_is_taken_away(self) -> None:
        async with proxied(Latency(latency_ms=600_000)) as (proxy, _), connected(proxy) as client:
            asked = asyncio.create_task(client.ask(b"hello"))
            await asyncio.sleep(MOMENT)
            assert not asked.done()
            proxy.set_toxics([])
            assert await asked == b"hello"

    async def test_the_end_is_late_too(self) -> None:
        async with proxied(Latency(latency_ms=60)) as (proxy, _), connected(proxy) as client:
            client.writer.write_eof()
            assert await seconds_of(client.rest()) >= 0.06

    async def test_what_is_on_its_way_is_bounded(self) -> None:
        got = 0

        async def count(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            nonlocal got
            while part := await reader.read(1_000_000):
                got += len(part)

        toxic = Latency(latency_ms=600_000, stream="upstream")
        async with proxied(toxic, serve=count) as (proxy, _), connected(proxy) as client:
            much = asyncio.create_task(client.send(bytes(20_000_000)))
            await asyncio.sleep(MOMENT)
            assert not much.done()
            proxy.set_toxics([])
            await much
            await until(lambda: got == 20_000_000)


class TestBandwidth:
    async def test_so_many_bytes_a_second_arrive(self) -> None:
        toxic = Bandwidth(bytes_per_second=10_000)
        async with proxied(toxic) as (proxy, _), connected(proxy) as client:
            await client.send(bytes(2000))
            # After the last piece nobody waits.
            assert await seconds_of(client.reader.readexactly(2000)) >= 0.09

    async def test_the_first_byte_of_a_slow_body_comes_alone(self) -> None:
        toxic = Bandwidth(bytes_per_second=1)
        async with proxied(toxic) as (proxy, _), connected(proxy) as client:
            await client.send(b"hello")
            assert await client.reader.read(100) == b"h"
            proxy.set_toxics([])
            assert await client.reader.readexactly(4) == b"ello"


class TestTimeout:
    @pytest.mark.parametrize("stream", ["upstream", "downstream"])
    async def test_nothing_arrives_until_it_is_taken_away(self, stream: Any) -> None:
        async with proxied() as (proxy, _), connected(proxy) as client:
            await client.ask(b"before")
            with proxy.affected_by(Timeout(stream=stream)):
                asked = asyncio.create_task(client.ask(b"within"))
                await asyncio.sleep(MOMENT)
                assert not asked.done()
            assert await asked == b"within"

    async def test_the_other_direction_is_not_affected(self) -> None:
        heard = asyncio.Event()

        async def hear(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await reader.readexactly(5)
            heard.set()

        async with proxied(Timeout(), serve=hear) as (proxy, _), connected(proxy) as client:
            await client.send(b"hello")
            await heard.wait()

    async def test_the_end_of_a_connection_does_not_arrive_either(self) -> None:
        async with proxied() as (proxy, server), connected(proxy) as client:
            await client.ask(b"hello")
            with proxy.affected_by(Timeout(stream="upstream")):
                client.writer.close()
                await asyncio.sleep(MOMENT)
                assert server.endings == []
            await until(lambda: server.endings == ["closed"])

    async def test_the_connection_is_closed_after_so_long(self) -> None:
        async with proxied() as (proxy, _), connected(proxy) as client:
            await client.ask(b"hello")
            proxy.set_toxics([Timeout(timeout_ms=50)])
            assert await seconds_of(client.rest()) >= 0.05
            await until(lambda: proxy.open_connections == 0)

    async def test_it_is_not_closed_when_the_toxic_was_taken_away(self) -> None:
        async with proxied() as (proxy, _), connected(proxy) as client:
            await client.ask(b"hello")
            with proxy.affected_by(Timeout(timeout_ms=20)):
                pass
            await asyncio.sleep(MOMENT)
            assert await client.ask(b"hello") == b"hello"


class TestResetPeer:
    @pytest.mark.parametrize("stream", ["upstream", "downstream"])
    async def test_the_next_data_resets_both_sides(self, stream: Any) -> None:
        async with proxied() as (proxy, server), connected(proxy) as client:
            await client.ask(b"hello")
            proxy.set_toxics([ResetPeer(stream=stream)])
            await client.send(b"hello")
            assert await client.rest() == "reset"
            await until(lambda: server.endings == ["reset"])

    async def test_the_reset_may_come_later(self) -> None:
        async with (
            proxied(ResetPeer(stream="upstream", timeout_ms=50)) as (proxy, _),
            connected(proxy) as client,
        ):
            await client.send(b"hello")
            assert await seconds_of(client.rest()) >= 0.05

    async def test_a_reset_that_is_due_later_does_not_come_when_it_is_undone(self) -> None:
        async with (
            proxied(ResetPeer(stream="upstream", timeout_ms=50)) as (proxy, _),
            connected(proxy) as client,
        ):
            asked = asyncio.create_task(client.ask(b"hello"))
            await asyncio.sleep(0.01)
            proxy.set_toxics([])
            assert await asked == b"hello"


class TestSlicer:
    async def test_data_arrives_in_pieces(self) -> None:
        toxic = Slicer(average_size=5, size_variation=2, delay_ms=5, stream="upstream")
        pieces: list[int] = []

        async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while part := await reader.read(1000):
                pieces.append(len(part))
                writer.write(part)

        content = bytes(range(100))
        async with proxied(toxic, serve=note) as (proxy, _), connected(proxy) as client:
            assert await client.ask(content) == content
        # A server that was late has read several pieces at once.
        assert len(pieces) > 3


class TestLimitData:
    @pytest.mark.parametrize("sent", [8, 100, 100_000])
    async def test_the_connection_ends_after_so_many_bytes(self, sent: int) -> None:
        async with proxied() as (proxy, server), connected(proxy) as client:
            await client.ask(b"not counted")
            proxy.set_toxics([LimitData(bytes=8)])
            await client.send(bytes(sent))
            assert await client.reader.readexactly(8) == bytes(8)
            assert await client.rest() in (b"", "reset")
            await until(lambda: len(server.endings) == 1)

    async def test_it_may_end_before_the_first(self) -> None:
        async with proxied(LimitData(bytes=0)) as (proxy, _), connected(proxy) as client:
            await client.send(b"hello")
            assert await client.rest() in (b"", "reset")

    async def test_pieces_count_as_what_they_are(self) -> None:
        toxics = [LimitData(bytes=8), Slicer(average_size=1000)]
        async with proxied(*toxics) as (proxy, _), connected(proxy) as client:
            await client.ask(b"hello")
            await client.send(b"hello")
            assert await client.rest() == b"hel"

    async def test_other_toxics_do_not_begin_the_count_anew(self) -> None:
        async with proxied(LimitData(bytes=8)) as (proxy, _), connected(proxy) as client:
            await client.ask(b"hello")
            with proxy.affected_by(Latency(latency_ms=1)):
                await client.send(b"hello")
                assert await client.rest() == b"hel"


class TestSlowClose:
    async def test_only_the_end_is_late(self) -> None:
        toxic = SlowClose(delay_ms=60)
        async with proxied(toxic) as (proxy, _), connected(proxy) as client:
            await client.send(b"hello")
            client.writer.write_eof()

            async def ended() -> None:
                assert await client.reader.readexactly(5) == b"hello"
                assert not client.reader.at_eof()
                await client.rest()

            assert await seconds_of(ended()) >= 0.06


class TestDown:
    async def test_connections_are_closed_and_refused_until_it_is_up_again(self) -> None:
        async with proxied() as (proxy, _):
            port = proxy.port
            async with connected(proxy) as client:
                await client.ask(b"hello")
                with proxy.affected_by(Down()):
                    assert await client.rest() in (b"", "reset")
                    with pytest.raises(ConnectionRefusedError):
                        await asyncio.open_connection("127.0.0.1", port)
            async with connected(proxy) as client:
                assert proxy.port == port
                assert await client.ask(b"hello") == b"hello"

    async def test_it_is_up_again_without_another_socket(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(host: str, port: int) -> socket.socket:
            raise OSError(errno.EADDRINUSE, "Address already in use")

        async with proxied(Down()) as (proxy, _):
            monkeypatch.setattr("cartwheel.tcp_proxy.proxy._bind", refuse)
            proxy.set_toxics([])
            async with connected(proxy) as client:
                assert await client.ask(b"hello") == b"hello"

    async def test_it_may_be_down_from_the_start(self) -> None:
        async with serving() as server:
            proxy = TcpProxy("127.0.0.1", server.port)
            proxy.set_toxics([Down()])
            async with proxy:
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection("127.0.0.1", proxy.port)


class TestToxicity:
    async def test_only_a_share_of_the_connections_is_affected(self) -> None:
        toxic = ResetPeer(stream="upstream", toxicity=0.5)
        async with proxied(toxic, rng=random.Random(1)) as (proxy, _):
            outcomes = [await self.outcome(proxy) for _ in range(20)]
        assert {True, False} == set(outcomes)

    async def outcome(self, proxy: TcpProxy) -> bool:
        async with connected(proxy) as client:
            await client.send(b"hello")
            try:
                return await client.reader.readexactly(5) == b"hello"
            except ConnectionResetError:
                return False


@pytest.mark.parametrize(
    "toxic",
    [
        Latency(latency_ms=10),
        Slicer(average_size=1000),
        Bandwidth(bytes_per_second=10_000_000),
    ],
    ids=lambda toxic: toxic.type,
)
async def test_what_is_only_slow_arrives_whole(toxic: StreamToxic) -> None:
    content = random.Random(1).randbytes(100_000)
    toxics = [toxic, replace(toxic, stream="upstream")]
    async with proxied(*toxics) as (proxy, _), connected(proxy) as client:
        assert await client.ask(content) == content
