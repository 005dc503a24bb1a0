"""A server behind a proxy, and clients of it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from cartwheel.tcp_proxy import TcpProxy, Toxic

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Return what comes, until the client has sent all."""
    while part := await reader.read(65536):
        writer.write(part)
        await writer.drain()


@dataclass
class Server:
    port: int
    endings: list[str] = field(default_factory=list)
    """How each connection ended, as the server saw it."""


@asynccontextmanager
async def serving(serve: Serve = echo) -> AsyncIterator[Server]:
    running: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await serve(reader, writer)
            server.endings.append("closed")
        except ConnectionError:
            server.endings.append("reset")
        finally:
            running.discard(task)
            writer.close()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
    server = Server(listener.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listener.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@asynccontextmanager
async def proxied(
    *toxics: Toxic, serve: Serve = echo, rng: random.Random | None = None
) -> AsyncIterator[tuple[TcpProxy, Server]]:
    async with serving(serve) as server, TcpProxy("127.0.0.1", server.port, rng=rng) as proxy:
        proxy.set_toxics(toxics)
        yield proxy, server


@dataclass
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def ask(self, content: bytes) -> bytes:
        """Send, and return the response of an echo."""
        await self.send(content)
        return await self.reader.readexactly(len(content))

    async def rest(self) -> bytes | str:
        """All that comes until the server has closed; "reset" if it did not close properly."""
        try:
            return await self.reader.read()
        except ConnectionResetError:
            return "reset"


@asynccontextmanager
async def connected(proxy: TcpProxy) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
