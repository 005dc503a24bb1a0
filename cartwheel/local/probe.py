"""Ask one replica how it is, at the price of one small request."""

import asyncio

from cartwheel.local.sockets import OWN_HOST

REQUEST = "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"


async def status_of(port: int, path: str, *, timeout: float) -> int | None:
    """The HTTP status a replica answers, or None when it did not within ``timeout`` seconds."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(OWN_HOST, port)
            try:
                writer.write(REQUEST.format(path=path, host=OWN_HOST).encode())
                return _status((await reader.readline()).decode("latin-1"))
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None


def _status(line: str) -> int | None:
    parts = line.split(" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else None
