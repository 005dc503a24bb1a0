"""A store that is far away: a Valkey behind a connection with a delay."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from cartwheel.local.sockets import OWN_HOST

CHUNK = 65536  # bytes


class SlowStore:
    """Forwards connections to a server; what a client sends arrives ``delay`` seconds later."""

    def __init__(self, port: int, *, delay: float) -> None:
        self._port = port
        self._delay = delay
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one connection until one side closes it."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            there, back = await asyncio.open_connection(OWN_HOST, self._port)
            try:
                await _first_of(self._forward_late(reader, back), _forward(there, writer))
            finally:
                back.close()
        finally:
            writer.close()
            self._connections.discard(task)

    async def close(self) -> None:
        """End the connections that are open."""
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _forward_late(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """In order, each part as late as the others: a long way, not a narrow one."""
        loop = asyncio.get_running_loop()
        while part := await reader.read(CHUNK):
            loop.call_later(self._delay, writer.write, part)
        await asyncio.sleep(self._delay)


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(CHUNK):
        writer.write(part)
        await writer.drain()


async def _first_of(*coroutines: Coroutine[None, None, None]) -> None:
    tasks = [asyncio.create_task(one) for one in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def slow_store(url: str, *, delay: float) -> AsyncIterator[str]:
    """The URL of the same server, at a distance of ``delay`` seconds for each round trip."""
    parts = urlsplit(url)
    assert parts.port is not None
    store = SlowStore(parts.port, delay=delay)
    server = await asyncio.start_server(store.serve, OWN_HOST, 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield url.replace(f":{parts.port}", f":{port}")
    finally:
        server.close()
        await store.close()
