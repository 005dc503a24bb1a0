"""Raw bytes on a socket: requests that no client library would send."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

RESPONSE_TIMEOUT = 10.0


@dataclass(frozen=True)
class RawResponse:
    """An HTTP response as received; `status` is 0 when there was none."""

    status: int
    headers: dict[str, str]
    body: bytes
    head: bytes = b""
    """The status line and the header lines."""

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
        """Send the bytes. A closed connection is no error here: the response shows it."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            pass

    async def read_response(self, *, to_head: bool = False) -> RawResponse:
        """The next response on this connection. The one to a HEAD request has no body."""
        async with asyncio.timeout(RESPONSE_TIMEOUT):
            try:
                head = await self._reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return RawResponse(0, {}, b"")
            first, *lines = head.decode("latin-1").split("\r\n")
            pairs = (line.split(": ", 1) for line in lines if line)
            headers = {name.lower(): value for name, value in pairs}
            length = 0 if to_head else int(headers.get("content-length", 0))
            body = await self._reader.readexactly(length)
            return RawResponse(int(first.split()[1]), headers, body, head)

    async def closed(self) -> bool:
        """Whether the peer closes the connection without sending another byte."""
        async with asyncio.timeout(RESPONSE_TIMEOUT):
            try:
                return await self._reader.read(1) == b""
            except ConnectionError:
                return True


async def send_raw(url: str, data: bytes) -> RawResponse:
    """Send `data` on a new connection and return the response."""
    async with await RawConnection.open(url) as connection:
        await connection.send(data)
        return await connection.read_response()
