"""A store that is far away delays each round trip, and changes nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cartwheel.cpu_trap.slow_store import slow_store

DELAY = 0.05


@asynccontextmanager
async def connection(
    delay: float,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """To a server that returns what it gets, at a distance."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while part := await reader.read(1024):
            writer.write(part)
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with slow_store(f"valkey://:secret@127.0.0.1:{port}", delay=delay) as url:
            assert url.startswith("valkey://:secret@127.0.0.1:")
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            try:
                yield reader, writer
            finally:
                writer.close()
                await writer.wait_closed()


async def test_a_round_trip_takes_at_least_the_delay() -> None:
    async with connection(DELAY) as (reader, writer):
        started = asyncio.get_running_loop().time()
        writer.write(b"ping")
        assert await reader.readexactly(4) == b"ping"
        assert asyncio.get_running_loop().time() - started >= DELAY


async def test_what_is_sent_together_arrives_in_order() -> None:
    async with connection(DELAY) as (reader, writer):
        for number in range(100):
            writer.write(b"%03d" % number)
            await asyncio.sleep(0)
        assert await reader.readexactly(300) == b"".join(b"%03d" % n for n in range(100))


async def test_an_end_is_passed_on() -> None:
    async with connection(DELAY) as (reader, writer):
        writer.write_eof()
        assert await reader.read() == b""
