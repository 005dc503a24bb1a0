"""Neither a shortage of file descriptors nor a closing socket disconnects a caller."""

import asyncio
import json
import resource
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from app.process.acceptor import Acceptor
from tests.support.processes import ServiceProcess, launch, listen
from tests.support.raw_http import RawConnection, RawResponse, send_raw
from tests.support.waiting import until

OPEN_FILES = 64
FEWER_OPEN_FILES = 24
CALLERS = 200
REQUEST = b"GET /v1/items HTTP/1.1\r\nHost: small\r\n\r\n"
# No connection ends for its age here, so idle ones must be closed to free descriptors.
LONG_LIVED = {"CARTWHEEL_CONNECTION_MAX_AGE": "600"}


@pytest.fixture
async def replica(tmp_path: Path) -> AsyncIterator[ServiceProcess]:
    with listen() as listener:
        process = launch(
            "tests.app.small:create",
            LONG_LIVED,
            [listener],
            tmp_path / "small.log",
            open_files=OPEN_FILES,
        )
        try:
            await process.ready()
            yield process
        finally:
            process.end()


def warnings(replica: ServiceProcess) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in replica.output.splitlines() if line.startswith("{")]
    return [line for line in lines if line["level"] != "info"]


@pytest.mark.fault(34)
async def test_more_callers_than_descriptors_are_all_answered(replica: ServiceProcess) -> None:
    async def call(stack: AsyncExitStack) -> RawResponse:
        # Each keeps its connection, as clients do.
        connection = await stack.enter_async_context(await RawConnection.open(replica.url))
        await connection.send(REQUEST)
        return await connection.read_response()

    async with AsyncExitStack() as stack:
        responses = await asyncio.gather(*(call(stack) for _ in range(CALLERS)))
        assert {response.status for response in responses} == {200}
        (warning,) = warnings(replica)
        assert warning["event"] == "server.accepting_pauses"
        assert warning["limit"] == OPEN_FILES
        assert "ulimit -n" in str(warning["advice"])
    assert (await send_raw(replica.url, REQUEST)).status == 200


@pytest.mark.fault(34)
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="changes the limit of a process")
async def test_fewer_descriptors_are_reserved_when_the_limit_becomes_lower(
    replica: ServiceProcess,
) -> None:
    resource.prlimit(replica.pid, resource.RLIMIT_NOFILE, (FEWER_OPEN_FILES, OPEN_FILES))
    responses = await asyncio.gather(*(send_raw(replica.url, REQUEST) for _ in range(CALLERS)))
    assert {response.status for response in responses} == {200}


@pytest.mark.fault(34)
async def test_a_connection_that_waits_for_a_descriptor_is_served_when_one_is_free(
    replica: ServiceProcess,
) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(OPEN_FILES):
            silent = await stack.enter_async_context(await RawConnection.open(replica.url))
            await silent.send(b"GET /v1/items HTTP/1.1\r\n")
        await until(lambda: bool(warnings(replica)))
        waiting = asyncio.create_task(send_raw(replica.url, REQUEST))
        await asyncio.sleep(0)
    assert (await waiting).status == 200


async def test_connections_in_the_kernels_queue_are_accepted_before_the_socket_closes() -> None:
    accepted: list[asyncio.BaseTransport] = []

    class Accepted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.append(transport)

    listener = listen()
    acceptor = Acceptor(listener, Accepted, reserved=lambda: 0)
    address = listener.getsockname()
    # The event loop does not run in between: the connections stay in the kernel's queue.
    waiting = [socket.create_connection(address) for _ in range(8)]
    await acceptor.finish()
    assert len(accepted) == len(waiting)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    for end in (*waiting, *accepted):
        end.close()
