"""The load generator of `cartwheel bench`, against small servers."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cartwheel.bench.load_generator import quantile
from cartwheel.bench.requests import request
from tests.cartwheel.supervisor_process import ROOT

Respond = Callable[[bytes, int], bytes]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class SmallServer:
    """Responds to each request with what `respond` makes of its head and its number."""

    def __init__(self, respond: Respond) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self._respond = respond

    async def run(self, use: Callable[[int], Awaitable[Any]]) -> Any:
        """Call ``use`` with the port while the server runs."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            return await use(server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head)
                response = self._respond(head, len(self.heads))
                writer.write(response)
                if not response or b"Connection: close" in response:
                    break
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


async def generate(port: int, requests: list[str], **load: Any) -> dict[str, Any]:
    """Run the program; its result."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cartwheel.bench.load_generator"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    content = {"port": port, "requests": requests, "connections": 2, **load}
    output, _ = await process.communicate(json.dumps(content).encode())
    assert process.returncode == 0
    result: dict[str, Any] = json.loads(output)
    return result


async def run(
    respond: Respond, requests: list[str], **load: Any
) -> tuple[SmallServer, dict[str, Any]]:
    server = SmallServer(respond)
    result = await server.run(lambda port: generate(port, requests, **load))
    return server, result


def paths(number: int) -> list[str]:
    return [request("GET", f"/{index}") for index in range(number)]


async def test_without_a_time_each_request_is_sent_once() -> None:
    server, result = await run(lambda *_: OK, paths(7), connections=3)
    sent = sorted(head.split(b" ")[1] for head in server.heads)
    assert sent == [b"/%d" % index for index in range(7)]
    assert (result["requests"], result["errors"], result["statuses"]) == (7, 0, {"200": 7})


async def test_a_connection_is_kept_and_waits_for_its_response() -> None:
    server, result = await run(lambda *_: OK, paths(5), connections=2, seconds=0.2)
    assert server.connections == 2
    assert result["requests"] == len(server.heads) > 5
    assert 0 < result["p50"] <= result["p90"] <= result["p99"] <= result["slowest"]


async def test_at_a_fixed_rate_no_more_is_sent() -> None:
    server, result = await run(lambda *_: OK, paths(1), seconds=0.5, rate=40.0)
    assert 15 <= len(server.heads) <= 20
    assert result["errors"] == 0


async def test_responses_that_are_no_success_are_errors() -> None:
    def respond(_: bytes, number: int) -> bytes:
        return OK if number % 2 else b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"

    _, result = await run(respond, paths(6), connections=1)
    assert (result["requests"], result["errors"]) == (6, 3)
    assert result["statuses"] == {"200": 3, "503": 3}


async def test_a_connection_that_the_server_closes_is_opened_again() -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    server, result = await run(lambda *_: closing, paths(4), connections=1)
    assert server.connections == 4
    assert (result["requests"], result["errors"]) == (4, 0)


async def test_a_request_without_a_response_is_an_error() -> None:
    server, result = await run(
        lambda _, number: b"" if number == 2 else OK, paths(4), connections=1
    )
    assert len(server.heads) == 4
    assert (result["requests"], result["errors"]) == (4, 1)
    assert result["statuses"] == {"200": 3, "none": 1}


async def test_a_server_that_is_not_there_is_an_error_for_each_request() -> None:
    unused = await SmallServer(lambda *_: OK).run(lambda port: asyncio.sleep(0, port))
    result = await generate(unused, paths(3), connections=1)
    assert (result["requests"], result["errors"]) == (3, 3)


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length:2\r\nx: y\r\n\r\nok",
    ],
)
async def test_the_end_of_a_response_is_recognised(response: bytes) -> None:
    _, result = await run(lambda *_: response, paths(3), connections=1)
    assert (result["requests"], result["errors"]) == (3, 0)


def test_a_quantile_is_a_value_that_occurred() -> None:
    assert [quantile([1.0, 2.0, 3.0, 4.0], q) for q in (0.0, 0.5, 0.75, 0.99)] == [1, 2, 3, 4]
    assert quantile([], 0.5) == 0.0
