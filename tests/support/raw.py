"""Bytes on a socket: what no client library would send."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

ANSWER_WITHIN = 10.0


@dataclass(frozen=True)
class RawAnswer:
    """An HTTP answer as it came; `status` is 0 when there was none."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class RawConnection:
    """One connection to a service under test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, url: str) -> "RawConnection":
        place = urlsplit(url)
        return cls(*await asyncio.open_connection(place.hostname, place.port))

    async def __aenter__(self) -> "RawConnection":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._writer.transport.abort()

    async def send(self, data: bytes) -> None:
        """Send; a peer that has hung up is not an error here, its answer tells."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            pass

    async def answer(self) -> RawAnswer:
        """The next answer on this connection."""
        async with asyncio.timeout(ANSWER_WITHIN):
            try:
                head = await self._reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return RawAnswer(0, {}, b"")
            first, *lines = head.decode("latin-1").split("\r\n")
            pairs = (line.split(": ", 1) for line in lines if line)
            headers = {name.lower(): value for name, value in pairs}
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
            return RawAnswer(int(first.split()[1]), headers, body)

    async def closed(self) -> bool:
        """Whether the peer hangs up without another byte."""
        async with asyncio.timeout(ANSWER_WITHIN):
            try:
                return await self._reader.read(1) == b""
            except ConnectionError:
                return True


async def ask(url: str, data: bytes) -> RawAnswer:
    """The answer to `data` on a connection of its own."""
    async with await RawConnection.open(url) as connection:
        await connection.send(data)
        return await connection.answer()
