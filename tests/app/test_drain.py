"""Replicas come and go behind one shared socket and no request is lost."""

import asyncio
import signal
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from app.process.acceptor import Acceptor
from tests.support.processes import launch, listen, start_service, url_of
from tests.support.raw_http import RawConnection
from tests.support.waiting import until

FACTORY = "tests.app.small:create"
CLIENTS = 8
REQUESTS = 4000


async def test_replicas_stopped_under_load_lose_no_request(tmp_path: Path) -> None:
    shared = listen()
    answers: list[int] = []
    with shared:
        async with AsyncExitStack() as stack:
            first, second = [
                await stack.enter_async_context(
                    start_service("small", {}, folder=tmp_path, factory=FACTORY, listener=shared)
                )
                for _ in range(2)
            ]
            load = [
                asyncio.create_task(_ask_until(url_of(shared), answers)) for _ in range(CLIENTS)
            ]
            await until(lambda: len(answers) >= REQUESTS // 4, within=60)
            assert await first.stop() == 0
            third = start_service("small", {}, folder=tmp_path, factory=FACTORY, listener=shared)
            await stack.enter_async_context(third)
            await until(lambda: len(answers) >= REQUESTS // 2, within=60)
            assert await second.stop() == 0
            await asyncio.gather(*load)
    assert len(answers) >= REQUESTS
    assert set(answers) == {200}


async def _ask_until(url: str, answers: list[int]) -> None:
    """Ask over kept-alive connections, without a retry that would hide a loss."""
    async with httpx2.AsyncClient(base_url=url, timeout=10) as client:
        while len(answers) < REQUESTS:
            answers.append((await client.get("/v1/items/1")).status_code)


async def test_a_replica_whose_socket_nobody_shares_answers_until_it_closes_it(
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
        # As a caller does that has not heard yet.
        async with await RawConnection.open(replica.url) as late:
            await late.send(b"GET /v1/items/1 HTTP/1.1\r\nHost: small\r\n\r\n")
            answer = await late.read_response()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await replica.exited() == 0
    finally:
        replica.end()


async def test_who_waits_in_the_kernels_line_is_let_in_before_the_socket_closes() -> None:
    let_in: list[asyncio.BaseTransport] = []

    class Door(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            let_in.append(transport)

    listener = listen()
    acceptor = Acceptor(listener, Door, reserved=0)
    address = listener.getsockname()
    # The loop has no turn in between: they wait where only the kernel knows them.
    waiting = [socket.create_connection(address) for _ in range(CLIENTS)]
    await acceptor.finish()
    assert len(let_in) == CLIENTS
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    for end in (*waiting, *let_in):
        end.close()
