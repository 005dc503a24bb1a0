"""The readiness probe of a service's replica."""

import asyncio
import json
from http import HTTPStatus

from cartwheel.local.program import NO_RESPONSE, ProbeResult
from cartwheel.local.sockets import OWN_HOST

REQUEST = f"GET /readyz?verbose HTTP/1.1\r\nHost: {OWN_HOST}\r\nConnection: close\r\n\r\n"
MAX_RESPONSE_SIZE = 64 * 1024


async def probe_readiness(port: int, *, timeout: float) -> ProbeResult:
    """Ask a replica of a service whether it is ready."""
    response = await send_bytes(port, REQUEST.encode(), timeout=timeout)
    head, _, body = response.partition(b"\r\n\r\n")
    status_line = head.split(b" ", 2)
    if len(status_line) < 2 or not status_line[1].isdigit():
        return NO_RESPONSE
    ready = int(status_line[1]) == HTTPStatus.OK
    return ProbeResult(alive=True, ready=ready, reason="" if ready else _failed_checks(body))


async def send_bytes(
    port: int, request: bytes, *, timeout: float, max_size: int = MAX_RESPONSE_SIZE
) -> bytes:
    """Send bytes to a server on loopback and return what it sends until it closes.

    Reading stops at ``max_size`` bytes. Returns what has arrived when the time is over.
    """
    response = b""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(OWN_HOST, port)
            try:
                writer.write(request)
                while len(response) < max_size and (part := await reader.read(MAX_RESPONSE_SIZE)):
                    response += part
            finally:
                writer.close()
    except (OSError, TimeoutError):
        pass
    return response


def _failed_checks(body: bytes) -> str:
    try:
        checks = json.loads(body)["checks"]
        return "; ".join(f"{name}: {result}" for name, result in checks.items() if result != "ok")
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""
