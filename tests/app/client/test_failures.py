"""Upstreams that are gone, hung, broken or send too much: what it costs, and who is blamed."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from pydantic import BaseModel

from app.client import Upstream, UpstreamBroken, UpstreamError, UpstreamResponse
from app.client.discovery import DnsEndpoints
from app.telemetry.context import Deadline, RequestContext, use_context
from app.telemetry.metrics import Metrics
from tests.app.client.calling import (
    calling,
    calling_replicas,
    list_targets,
    no_pause,
    outcome,
    sample,
    tries,
    upstream,
)
from tests.app.client.neighbours import (
    Exchange,
    hang,
    neighbour,
    ok,
    responding,
    sending,
    unused_port,
)
from tests.app.clocks import Clock


class TestAbsentReplicas:
    async def test_old_addresses_cost_no_call(self, tmp_path: Path) -> None:
        """As a DNS with a cache lists them for half a minute after a scale-in."""
        metrics, clock = Metrics("cart"), Clock()
        async with neighbour(ok) as server:
            gone = [await unused_port() for _ in range(4)]
            file = list_targets(tmp_path, *gone, server.port)
            async with upstream(f"file:{file}", metrics, clock=clock) as client:
                outcomes = []
                for _ in range(300):
                    outcomes.append(await outcome(client, "POST"))
                    clock.advance(0.1)

                assert outcomes == ["200"] * 300
                assert client.available
        assert len(server.asked) == 300
        assert tries(metrics, "refused") < 40
        assert sample(metrics, "http_client_retries_total") == 0
        assert sample(metrics, "http_client_ejections_total", reason="absent") >= 4

    async def test_old_addresses_of_a_name_cost_no_call_either(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def resolver(host: str, port: int) -> list[str]:
            return [f"127.0.0.{number}" for number in (5, 4, 3, 2, 1)]

        async with neighbour(ok) as server:
            name = DnsEndpoints("cart", server.port, resolver=resolver)
            monkeypatch.setattr("app.client.upstream.discover", lambda url: name)
            async with upstream("dns+http://cart") as client:
                outcomes = [await outcome(client, "POST") for _ in range(100)]

        assert outcomes == ["200"] * 100

    async def test_many_calls_at_once_find_the_one_that_is_left(self, tmp_path: Path) -> None:
        async with neighbour(ok) as server:
            gone = [await unused_port() for _ in range(4)]
            file = list_targets(tmp_path, *gone, server.port)
            async with upstream(f"file:{file}") as client:
                outcomes = await asyncio.gather(*(outcome(client, "POST") for _ in range(64)))

        assert set(outcomes) == {"200"}

    async def test_addresses_that_do_not_respond_cost_no_call(self, tmp_path: Path) -> None:
        with black_hole() as first, black_hole() as second:
            async with neighbour(ok) as server:
                file = list_targets(tmp_path, first, second, server.port)
                async with upstream(f"file:{file}") as client:
                    outcomes = [await outcome(client, "POST") for _ in range(20)]

        assert outcomes == ["200"] * 20

    @pytest.mark.parametrize("listed", [True, False])
    async def test_a_call_waits_for_an_upstream_that_is_starting(
        self, tmp_path: Path, listed: bool
    ) -> None:
        port = await unused_port()
        url = f"file:{list_targets(tmp_path, port)}" if listed else f"http://127.0.0.1:{port}"
        async with upstream(url) as client, AsyncExitStack() as stack:
            call = asyncio.create_task(outcome(client, "POST"))
            await asyncio.sleep(0.1)
            assert not call.done()
            await stack.enter_async_context(neighbour(ok, port=port))

            assert await call == "200"

    async def test_a_successor_is_found_while_a_call_is_waiting(self, tmp_path: Path) -> None:
        file = list_targets(tmp_path, await unused_port(), await unused_port())
        async with neighbour(ok) as server, upstream(f"file:{file}") as client:
            call = asyncio.create_task(outcome(client, "POST"))
            await asyncio.sleep(0.1)
            list_targets(tmp_path, server.port)

            assert await call == "200"

    async def test_an_upstream_that_is_down_opens_the_breaker(self, tmp_path: Path) -> None:
        metrics = Metrics("cart")
        file = list_targets(tmp_path, await unused_port(), await unused_port())
        async with upstream(f"file:{file}", metrics, pause=no_pause, clock=Clock()) as client:
            outcomes = [await outcome(client) for _ in range(21)]

        assert outcomes == ["UpstreamRefused"] * 20 + ["BreakerOpen"]
        assert sample(metrics, "http_client_retries_total") <= 30 + 0.1 * 20

    async def test_the_only_address_gets_the_whole_timeout_when_it_is_back(self) -> None:
        async def slow(exchange: Exchange) -> None:
            await asyncio.sleep(0.6)
            await exchange.respond()

        port = await unused_port()
        async with upstream(f"http://127.0.0.1:{port}") as client:
            assert await outcome(client) == "UpstreamRefused"
            async with neighbour(slow, port=port) as server:
                assert await outcome(client) == "200"

        assert len(server.asked) == 1

    async def test_an_address_that_was_gone_is_used_again_when_it_is_back(
        self, tmp_path: Path
    ) -> None:
        port, clock = await unused_port(), Clock()
        async with neighbour(ok) as server:
            file = list_targets(tmp_path, port, server.port)
            async with upstream(f"file:{file}", clock=clock) as client:
                for _ in range(10):
                    assert await outcome(client, "POST") == "200"
                async with neighbour(ok, port=port) as back:
                    clock.advance(10)
                    for _ in range(10):
                        assert await outcome(client, "POST") == "200"

                    assert back.asked


@contextmanager
def black_hole() -> Iterator[int]:
    """A port that takes no connection and does not refuse one: its queue is full."""
    with socket.socket() as listening, AsyncSockets() as waiting:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port: int = listening.getsockname()[1]
        for _ in range(4):
            waiting.connect(port)
        yield port


class AsyncSockets:
    """Connections that are begun and not waited for."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def connect(self, port: int) -> None:
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", port))
        self._sockets.append(one)

    def __enter__(self) -> "AsyncSockets":
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._sockets:
            one.close()


SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    do_POST = do_GET
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def process() -> Iterator[tuple[int, int]]:
    """A server in a process of its own: its pid and port."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout is not None
        try:
            yield running.pid, int(running.stdout.readline())
        finally:
            running.kill()


class TestHungReplicas:
    async def test_a_stopped_process_costs_no_response_and_gets_one_call(
        self, tmp_path: Path
    ) -> None:
        metrics, clock = Metrics("cart"), Clock()
        with process() as (frozen, port), process() as (_, other):
            file = list_targets(tmp_path, port, other)
            async with upstream(f"file:{file}", metrics, timeout=1.0, clock=clock) as client:
                for _ in range(10):
                    assert await outcome(client) == "200"
                os.kill(frozen, signal.SIGSTOP)

                outcomes = [await outcome(client) for _ in range(60)]

        assert outcomes == ["200"] * 60
        assert tries(metrics, "timeout") == 1
        assert sample(metrics, "http_client_ejections_total", reason="silent") == 1

    async def test_under_load_a_stopped_process_costs_only_the_calls_in_flight(
        self, tmp_path: Path
    ) -> None:
        metrics = Metrics("cart")
        outcomes: list[str] = []
        busy = asyncio.Event()

        async def shopper(client: Upstream) -> None:
            for _ in range(50):
                outcomes.append(await outcome(client))
                if len(outcomes) == 100:
                    busy.set()

        with process() as (frozen, port), process() as (_, other):
            file = list_targets(tmp_path, port, other)
            async with upstream(f"file:{file}", metrics, timeout=1.5) as client:
                shoppers = asyncio.gather(*(shopper(client) for _ in range(8)))
                await asyncio.wait_for(busy.wait(), 20)
                os.kill(frozen, signal.SIGSTOP)
                await shoppers

        assert set(outcomes) == {"200"}
        # Those who waited when it froze, those who came before it was known to be silent, probes.
        assert tries(metrics, "timeout") <= 8

    async def test_a_silent_replica_is_picked_last_before_its_first_timeout(
        self, tmp_path: Path
    ) -> None:
        clock = Clock()
        async with calling_replicas(tmp_path, hang, ok, ok, clock=clock) as (client, servers):
            waiting = []
            while not servers[0].asked:
                waiting.append(asyncio.create_task(outcome(client, "POST")))
                await asyncio.sleep(0.01)
            clock.advance(0.35)
            for _ in range(30):
                assert await outcome(client, "POST") == "200"

            assert len(servers[0].asked) == 1
            for call in waiting:
                call.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def test_a_call_that_is_not_idempotent_is_no_probe(self, tmp_path: Path) -> None:
        clock = Clock()
        async with calling_replicas(tmp_path, hang, ok, clock=clock, timeout=0.2) as (
            client,
            servers,
        ):
            while not servers[0].asked:
                assert await outcome(client) == "200"
            clock.advance(2)
            assert {await outcome(client, "POST") for _ in range(10)} == {"200"}
            assert len(servers[0].asked) == 1

            assert await outcome(client) == "200"
            assert len(servers[0].asked) == 2


class TestBlame:
    async def test_a_short_deadline_is_not_held_against_the_upstream(self) -> None:
        metrics = Metrics("cart")
        async with calling(hang, metrics=metrics, pause=no_pause) as (client, _):
            for _ in range(40):
                with use_context(RequestContext(deadline=Deadline.after(0.04))):
                    assert await outcome(client, "POST") == "OutOfTime"

            assert client.available
        assert tries(metrics, "out_of_time") == 40
        assert tries(metrics, "timeout") == 0

    async def test_a_short_deadline_while_connecting_is_not_held_against_it_either(
        self, tmp_path: Path
    ) -> None:
        metrics = Metrics("cart")
        with black_hole() as port:
            async with upstream(f"http://127.0.0.1:{port}", metrics, pause=no_pause) as client:
                for _ in range(30):
                    with use_context(RequestContext(deadline=Deadline.after(0.04))):
                        assert await outcome(client, "POST") == "OutOfTime"

                assert client.available
        assert sample(metrics, "http_client_ejections_total", reason="absent") == 0

    async def test_a_timeout_of_the_calls_own_counts_against_the_upstream(self) -> None:
        async with calling(hang, timeout=0.03) as (client, _):
            for _ in range(20):
                assert await outcome(client, "POST") == "UpstreamTimeout"

            assert await outcome(client, "POST") == "BreakerOpen"

    async def test_a_caller_that_is_cancelled_at_its_deadline_counts_as_a_timeout(self) -> None:
        metrics = Metrics("cart")
        async with calling(hang, metrics=metrics, timeout=0.5) as (client, _):
            deadline = Deadline.after(0.45)
            with use_context(RequestContext(deadline=deadline)), suppress(TimeoutError):
                async with asyncio.timeout(deadline.remaining()):
                    await outcome(client, "POST")

        assert tries(metrics, "timeout") == 1

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 431])
    async def test_a_rejected_request_does_not_count_against_the_upstream(
        self, status: int
    ) -> None:
        async with calling(responding(status), clock=Clock()) as (client, _):
            for _ in range(30):
                assert await outcome(client) == str(status)

            assert client.available


class TestStreamsBesideRequests:
    async def test_streams_use_no_connections_of_requests(self) -> None:
        async with (
            calling(event_or_response, max_streams=2) as (client, _),
            AsyncExitStack() as stack,
        ):
            for _ in range(2):
                await stack.enter_async_context(client.stream("GET", "/events", idle_timeout=5.0))
            assert await stream_outcome(client) == "LocalLimit"
            assert {await outcome(client) for _ in range(5)} == {"200"}
            assert client.available

    async def test_requests_use_no_connections_of_streams(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.client.transport.LIMITS.max_connections", 1)
        async with calling(event_or_hang, timeout=1.0) as (client, _):
            waiting = asyncio.create_task(outcome(client, "POST"))
            await asyncio.sleep(0)
            assert await stream_outcome(client) == "200"
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def test_a_stream_that_ended_frees_its_connection(self) -> None:
        async with calling(event_or_response, max_streams=1) as (client, _):
            for _ in range(5):
                assert await stream_outcome(client) == "200"


async def event_or_response(exchange: Exchange) -> None:
    if exchange.target != "/events":
        await exchange.respond()
        return
    await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
    await asyncio.sleep(3600)


async def event_or_hang(exchange: Exchange) -> None:
    await (event_or_response if exchange.target == "/events" else hang)(exchange)


async def stream_outcome(client: Upstream) -> str:
    try:
        async with client.stream("GET", "/events", idle_timeout=5.0) as response:
            return str(response.status_code)
    except UpstreamError as error:
        return type(error).__name__


def head(status: str = "200 OK", headers: str = "content-length: 2\r\n") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}\r\n".encode("latin-1")


BAD_ANSWERS = {
    "no HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "garbage status": b"HTTP/1.1 abc what\r\ncontent-length: 2\r\n\r\nok",
    "status 999": head("999 Odd") + b"ok",
    "status 000": head("000 Odd") + b"ok",
    "switching protocols": head("101 Switching Protocols", "upgrade: x\r\nconnection: upgrade\r\n"),
    "redirect": head("302 Found", "location: /elsewhere\r\ncontent-length: 2\r\n") + b"ok",
    "unasked 304": head("304 Not Modified", ""),
    "wrong length": head(headers="content-length: 10\r\n") + b"ok",
    "no number for a length": head(headers="content-length: ten\r\n") + b"ok",
    "bad chunk": head(headers="transfer-encoding: chunked\r\n") + b"zz\r\nok\r\n",
    "cut chunk": head(headers="transfer-encoding: chunked\r\n") + b"5\r\nok",
    "NUL in a header": b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 2\r\n\r\nok",
    "huge header": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 150_000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000 + b"\r\n",
    "too long": head(headers=f"content-length: {5 * 1024 * 1024}\r\n") + b"ok",
    "no end": b"HTTP/1.1 200 OK\r\n\r\nok",
}


class TestBadResponses:
    @pytest.mark.parametrize("content", BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
    async def test_many_bad_responses_do_not_exhaust_a_small_pool(
        self, content: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.client.transport.LIMITS.max_connections", 8)
        clock, bad = Clock(), True

        async def behave(exchange: Exchange) -> None:
            if bad:
                await exchange.send(content)
                exchange.hang_up()
            else:
                await exchange.respond()

        async with calling(behave, clock=clock) as (client, server):
            outcomes = set()
            for _ in range(100):
                clock.advance(11)  # the breaker forgets: only the pool is looked at
                outcomes.add(await outcome(client, "POST"))
            assert outcomes == {"UpstreamBroken"}
            bad = False

            assert {await outcome(client, "POST") for _ in range(20)} == {"200"}
            assert len(open_connections(server.port)) <= 8

    @pytest.mark.parametrize("kind", ["1xx for ever", "a head that never ends"])
    async def test_responses_without_an_end_do_not_exhaust_it_either(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.client.transport.LIMITS.max_connections", 8)
        clock, bad = Clock(), True

        async def behave(exchange: Exchange) -> None:
            while bad:
                more = b"HTTP/1.1 103 Early\r\nx: y\r\n\r\n" if kind[0] == "1" else b"x: y\r\n"
                if kind[0] != "1" and not exchange.number:
                    await exchange.send(b"HTTP/1.1 200 OK\r\n")
                    exchange.number = -1
                await exchange.send(more)
                await asyncio.sleep(0.001)
            await exchange.respond()

        async with calling(behave, timeout=0.1) as (client, server):
            for _ in range(5):
                assert set(await asyncio.gather(*(outcome(client, "POST") for _ in range(4)))) <= {
                    "UpstreamTimeout",
                    "UpstreamBroken",
                    "BreakerOpen",
                }
            bad = False
            assert len(open_connections(server.port)) <= 8
        async with neighbour(ok) as server, upstream(server.url, clock=clock) as client:
            assert await outcome(client) == "200"

    @pytest.mark.parametrize(
        "surplus", [b"more", b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged"]
    )
    async def test_trailing_data_is_not_read_as_the_next_response(self, surplus: bytes) -> None:
        bad = True

        async def behave(exchange: Exchange) -> None:
            await exchange.send(head() + b"ok" + (surplus if bad else b""))

        async with calling(behave) as (client, server):
            for _ in range(50):
                response = await client.request("POST", "/")
                assert (response.status_code, response.content) == (200, b"ok")
            bad = False
            for _ in range(5):
                assert (await client.request("POST", "/")).content == b"ok"
            assert len(open_connections(server.port)) <= 2

    async def test_headers_of_a_response_are_latin_1(self) -> None:
        behave = sending(
            b"HTTP/1.1 200 OK\r\nx-name: caf\xe9\r\nx-utf: \xc3\xa9\r\ncontent-length: 0\r\n\r\n"
        )
        async with calling(behave) as (client, server):
            for _ in range(600):  # more than the pool has connections
                await client.request("GET", "/")
            response = await client.request("GET", "/")

        assert response.headers["x-name"] == "caf\xe9"
        assert response.headers["x-utf"].encode("latin-1") == b"\xc3\xa9"
        assert server.connections == 1

    async def test_a_304_that_was_asked_for_is_a_response(self) -> None:
        async with calling(sending(head("304 Not Modified", ""))) as (client, _):
            assert await outcome(client, headers={"if-none-match": '"a"'}) == "304"


def open_connections(port: int) -> list[object]:
    """Our connections to this port, as the kernel has them."""
    return [
        one
        for one in psutil.Process().net_connections("tcp")
        if one.raddr and one.raddr.port == port and one.status == psutil.CONN_ESTABLISHED
    ]


class Price(BaseModel):
    amount: int


def read_price(response: UpstreamResponse) -> object:
    return response.read(Price)


class TestResponsesThatDoNotFit:
    async def test_a_response_that_does_not_fit_is_a_failure_of_the_upstream(self) -> None:
        metrics = Metrics("cart")
        behave = responding(200, b'{"amount": "much"}')
        async with calling(behave, metrics=metrics, clock=Clock()) as (client, _):
            for _ in range(20):
                assert await outcome(client, "POST", check=read_price) == "UpstreamBroken"

            assert await outcome(client, "POST", check=read_price) == "BreakerOpen"
        assert tries(metrics, "broken") == 20

    async def test_a_response_that_does_not_fit_is_retried_on_another_replica(
        self, tmp_path: Path
    ) -> None:
        good, bad = responding(200, b'{"amount": 5}'), responding(200, b"<html>")
        async with calling_replicas(tmp_path, bad, good, clock=Clock()) as (client, servers):
            for _ in range(10):
                response = await client.request("GET", "/", check=read_price)
                assert response.read(Price).amount == 5

        assert len(servers[0].asked) == 3

    async def test_the_error_names_the_member_that_does_not_fit(self) -> None:
        async with calling(responding(200, b'{"amount": "much"}')) as (client, _):
            with pytest.raises(UpstreamBroken, match="not what was agreed at 'amount'"):
                await client.request("POST", "/", check=read_price)

    async def test_responses_beyond_the_buffer_limit_are_not_kept(self) -> None:
        async def much(exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in range(72):
                await exchange.send(CHUNK)
            await exchange.send(b"0\r\n\r\n")

        async with calling(much, timeout=20.0, pause=no_pause) as (client, _):
            tracemalloc.start()
            try:
                outcomes = await asyncio.gather(*(outcome(client, "POST") for _ in range(48)))
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()

            assert set(outcomes) <= {"LocalLimit", "UpstreamBroken", "BreakerOpen"}
            assert peak < 48 * 1024 * 1024

    async def test_the_error_response_of_a_stream_has_a_limit(self) -> None:
        async def endless(exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 403 No\r\ntransfer-encoding: chunked\r\n\r\n")
            while True:
                await exchange.send(CHUNK)

        async with (
            calling(endless) as (client, _),
            client.stream("GET", "/", idle_timeout=5.0) as response,
        ):
            with pytest.raises(UpstreamBroken, match="too long"):
                await response.read(limit=64 * 1024)


CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
