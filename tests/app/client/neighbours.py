"""Small real servers that respond, hang, hang up or cut off, byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Behaviour = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Exchange:
    """One request as it came in, and the way to answer it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    number: int
    """How many requests came over this connection before."""
    writer: asyncio.StreamWriter

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def respond(self, status: int = 200, body: bytes = b"ok", headers: str = "") -> None:
        head = f"HTTP/1.1 {status} Status\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
        await self.send(head.encode() + body)

    def hang_up(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        self.writer.transport.abort()


@dataclass
class Neighbour:
    """A server on a port of its own, and the requests it got."""

    port: int
    asked: list[Exchange] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def neighbour(behave: Behaviour, *, port: int = 0) -> AsyncIterator[Neighbour]:
    """Run a server that handles each request with `behave`."""
    connected: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connected.add(task)
        running.connections += 1
        number = 0
        try:
            while (exchange := await _read(reader, writer, number)) is not None:
                running.asked.append(exchange)
                await behave(exchange)
                number += 1
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            connected.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    running = Neighbour(server.sockets[0].getsockname()[1])
    try:
        yield running
    finally:
        server.close()
        for task in list(connected):
            task.cancel()
        if connected:
            await asyncio.wait(connected, timeout=5)


async def _read(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
) -> Exchange | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    request, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = request.split(" ")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Exchange(method, target, headers, body, number, writer)


async def ok(exchange: Exchange) -> None:
    await exchange.respond()


async def hang(exchange: Exchange) -> None:
    """Take the request and never respond."""
    await asyncio.sleep(3600)


async def hang_up(exchange: Exchange) -> None:
    exchange.hang_up()


def responding(status: int, body: bytes = b"", headers: str = "") -> Behaviour:
    async def behave(exchange: Exchange) -> None:
        await exchange.respond(status, body, headers)

    return behave


def sending(content: bytes, *, then: Callable[[Exchange], None] | None = None) -> Behaviour:
    """Send these bytes, whatever they are; then maybe end the connection."""

    async def behave(exchange: Exchange) -> None:
        await exchange.send(content)
        if then is not None:
            then(exchange)

    return behave


async def unused_port() -> int:
    """A port without a listener."""
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port
