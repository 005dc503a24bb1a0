"""How a replica starts, drains and stops: no request is lost behind a shared socket."""

import asyncio
import json
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from tests.support.processes import ServiceProcess, launch, listen, start_service, url_of
from tests.support.raw_http import RawConnection, send_raw
from tests.support.waiting import until

FACTORY = "tests.app.small:create"
HEAD = b"GET /v1/items HTTP/1.1\r\nHost: small\r\n"
CLIENTS = 8
REQUESTS = 4000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_idle_replica_stops_cleanly_at_a_signal(tmp_path: Path, number: int) -> None:
    async with start_service("small", {}, folder=tmp_path, factory=FACTORY) as replica:
        replica.signal(number)
        assert await replica.exited(within=3) == 0


@pytest.mark.fault(26)
async def test_a_draining_replica_is_unready_and_closes_connections_after_a_response(
    tmp_path: Path,
) -> None:
    env = {"CARTWHEEL_DRAIN_WAIT": "2", "CARTWHEEL_CONNECTION_MAX_AGE": "60"}
    async with (
        start_service("small", env, folder=tmp_path, factory=FACTORY) as replica,
        await RawConnection.open(replica.url) as probe,
        await RawConnection.open(replica.url) as client,
    ):
        for connection in (probe, client):
            await connection.send(HEAD + b"\r\n")
            await connection.read_response()
        replica.signal(signal.SIGTERM)
        await until(lambda: "server.draining" in replica.output)
        await probe.send(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        response = await probe.read_response()
        assert (response.status, response.json()["status"]) == (503, "draining")
        await client.send(HEAD + b"\r\n")
        response = await client.read_response()
        assert (response.status, response.headers["connection"]) == (200, "close")


@pytest.mark.fault(26)
async def test_requests_in_flight_are_finished(tmp_path: Path) -> None:
    async with (
        start_service("small", {}, folder=tmp_path, factory=FACTORY) as replica,
        httpx2.AsyncClient(base_url=replica.url) as client,
    ):
        requests = [asyncio.create_task(client.get("/v1/slow?seconds=1")) for _ in range(20)]
        await _until_in_flight(replica, 20)
        replica.signal(signal.SIGTERM)
        assert {(await task).status_code for task in requests} == {200}
        assert await replica.exited() == 0


async def test_a_request_that_outlasts_the_grace_period_is_cut(tmp_path: Path) -> None:
    env = {"CARTWHEEL_DRAIN_GRACE": "1"}
    async with (
        start_service("small", env, folder=tmp_path, factory=FACTORY) as replica,
        await RawConnection.open(replica.url) as client,
    ):
        await client.send(b"GET /v1/gate HTTP/1.1\r\nHost: a\r\n\r\n")
        await _until_in_flight(replica, 1)
        assert await replica.stop(within=4) == 0


@pytest.mark.fault(27)
async def test_an_event_stream_ends_when_its_replica_drains(tmp_path: Path) -> None:
    async with (
        start_service("small", {}, folder=tmp_path, factory=FACTORY) as replica,
        httpx2.AsyncClient(base_url=replica.url, timeout=5) as client,
        client.stream("GET", "/v1/events") as stream,
    ):
        lines = stream.aiter_lines()
        assert await anext(lines) == "event: hello"
        replica.signal(signal.SIGTERM)
        assert "event: bye" in [line async for line in lines]
        assert await replica.exited(within=2) == 0


async def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    env = {"CARTWHEEL_DRAIN_WAIT": "30"}
    async with start_service("small", env, folder=tmp_path, factory=FACTORY) as replica:
        replica.signal(signal.SIGTERM)
        await until(lambda: "server.draining" in replica.output)
        replica.signal(signal.SIGTERM)
        assert await replica.exited(within=2) == 128 + signal.SIGTERM


async def test_a_replica_handles_a_stop_while_it_still_imports(tmp_path: Path) -> None:
    factory = "tests.app.slow_import:create"
    async with start_service("small", {}, folder=tmp_path, factory=factory, wait=False) as replica:
        await until(lambda: "importing" in replica.output, within=20)
        # Killed by the signal (-15) would mean that process 1 of a container ignores it.
        assert await replica.stop(within=2) == 128 + signal.SIGTERM


async def test_wrong_settings_are_named_all_at_once(tmp_path: Path) -> None:
    env = {"CARTWHEEL_PORT": "many", "CARTWHEEL_LOG_LEVEL": "loud"}
    async with start_service("small", env, folder=tmp_path, factory=FACTORY, wait=False) as replica:
        assert await replica.exited() == 2
        assert replica.output.splitlines() == [
            "CARTWHEEL_PORT: input should be a valid integer, unable to parse string as an "
            "integer; allowed: a whole number (at least 0, at most 65535)",
            "CARTWHEEL_LOG_LEVEL: input should be 'debug', 'info', 'warning' or 'error'; "
            "allowed: debug, info, warning, error",
        ]


@pytest.mark.parametrize("factory", ["nowhere.main:create", "tests.app.small:nothing", "..a:b"])
async def test_a_factory_that_is_not_there_is_named(tmp_path: Path, factory: str) -> None:
    async with start_service("small", {}, folder=tmp_path, factory=factory, wait=False) as replica:
        assert await replica.exited() == 2
        assert replica.output.splitlines() == [
            f"{factory}: there is no such function; allowed: one like services.cart.main:create"
        ]


async def test_logs_are_one_json_object_a_line(tmp_path: Path) -> None:
    async with start_service("small", {}, folder=tmp_path, factory=FACTORY) as replica:
        await send_raw(
            replica.url, b"GET /v1/broken HTTP/1.1\r\nHost: a\r\nX-Request-Id: r-1\r\n\r\n"
        )
        await until(lambda: "r-1" in replica.output)
        events = [json.loads(line) for line in replica.output.splitlines()]
        crash = next(event for event in events if event.get("request_id") == "r-1")
        assert crash["event"] == "request.failed"
        assert crash["service"] == "small"
        assert "RuntimeError" in crash["exception"]
        assert "hunter2" not in replica.output
        assert "someone@example.com" not in replica.output


@pytest.mark.fault(26)
async def test_replicas_stopped_under_load_lose_no_request(tmp_path: Path) -> None:
    shared = listen()
    responses: list[int] = []
    with shared:
        async with AsyncExitStack() as stack:
            first, second = [
                await stack.enter_async_context(
                    start_service("small", {}, folder=tmp_path, factory=FACTORY, listener=shared)
                )
                for _ in range(2)
            ]
            load = [
                asyncio.create_task(_send_until(url_of(shared), responses)) for _ in range(CLIENTS)
            ]
            await until(lambda: len(responses) >= REQUESTS // 4, within=60)
            assert await first.stop() == 0
            third = start_service("small", {}, folder=tmp_path, factory=FACTORY, listener=shared)
            await stack.enter_async_context(third)
            await until(lambda: len(responses) >= REQUESTS // 2, within=60)
            assert await second.stop() == 0
            await asyncio.gather(*load)
    assert len(responses) >= REQUESTS
    assert set(responses) == {200}


async def _send_until(url: str, responses: list[int]) -> None:
    """Send over kept-alive connections, without a retry that would hide a loss."""
    async with httpx2.AsyncClient(base_url=url, timeout=10) as client:
        while len(responses) < REQUESTS:
            responses.append((await client.get("/v1/items/1")).status_code)


async def test_a_replica_accepts_on_its_own_socket_until_it_closes_it(
    tmp_path: Path,
) -> None:
    with listen() as freed:
        port = freed.getsockname()[1]
    env = {"CARTWHEEL_HOST": "127.0.0.1", "CARTWHEEL_PORT": str(port), "CARTWHEEL_DRAIN_WAIT": "1"}
    replica = launch(FACTORY, env, [], tmp_path / "small.log")
    try:
        await replica.ready()
        replica.signal(signal.SIGTERM)
        await until(lambda: "server.draining" in replica.output, within=20)
        # A caller that does not know of the stop yet.
        async with await RawConnection.open(replica.url) as late:
            await late.send(b"GET /v1/items/1 HTTP/1.1\r\nHost: small\r\n\r\n")
            response = await late.read_response()
        assert (response.status, response.headers["connection"]) == (200, "close")
        assert await replica.exited() == 0
    finally:
        replica.end()


async def _until_in_flight(replica: ServiceProcess, number: int) -> None:
    expected = f'http_requests_in_flight{{service="small"}} {number}.0'
    async with httpx2.AsyncClient(base_url=replica.url) as client:

        async def reached() -> bool:
            return expected in (await client.get("/metrics")).text

        await until(reached)
