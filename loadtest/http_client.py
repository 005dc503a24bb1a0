"""The HTTP client of the load: the shop's own connections, without its rules for calls.

Services repeat a failed call and stop calling who fails too often (`app.client.upstream`). A load
must see each failure, so here a request is one try. Proxies of the environment are not used.
"""

import asyncio
import json
from typing import Self

from app.client.errors import UpstreamError
from app.client.messages import Origin, Transport
from app.client.messages import Request as HttpRequest
from app.client.pool import ConnectionPool, Limits
from app.errors import BadRequest
from loadtest.messages import Request, Response

IDLE_SECONDS = 2.0
"""As between services: a connection ends here long before the server closes it."""
MAX_BODY = 8 * 1024 * 1024
TOO_LARGE, INVALID = "too_large", "invalid_request"


class InvalidTarget(ValueError):
    """It is not the URL of a server without TLS."""


class HttpClient:
    """Sends requests to one server, over at most `max_connections` connections."""

    def __init__(
        self,
        target: str,
        *,
        timeout: float,
        max_connections: int = 8,
        transport: Transport | None = None,
    ) -> None:
        self._url = check_target(target)
        self._timeout = timeout
        self._transport: Transport = transport or ConnectionPool(
            Limits(max_connections, max_idle=max_connections, idle_seconds=IDLE_SECONDS)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.aclose()

    async def send(self, request: Request) -> Response:
        """Send a request and wait for the whole response; a failure is one with status 0."""
        try:
            return await self._send(request)
        except UpstreamError as error:
            return Response(0, error=error.label)
        except BadRequest:  # made of what an earlier response said
            return Response(0, error=INVALID)

    async def _send(self, request: Request) -> Response:
        headers = dict(request.headers)
        content = b""
        if request.json is not None:
            headers["content-type"] = "application/json"
            content = json.dumps(request.json).encode()
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._timeout
        response = await self._transport.send(
            HttpRequest("target", request.method, self._url, request.path, headers, content),
            timeout=self._timeout,
            connect_timeout=self._timeout,
        )
        try:
            body = b""
            while (part := await response.next_part(ends_at - loop.time())) is not None:
                body += part
                if len(body) > MAX_BODY:
                    return Response(0, error=TOO_LARGE)
            return Response(response.status_code, body, headers=response.headers)
        finally:
            await response.aclose()


def check_target(target: str) -> str:
    """Return it without a slash at its end. Raises `InvalidTarget`."""
    try:
        Origin.of(target)
    except ValueError as error:
        raise InvalidTarget(target) from error
    if not target.startswith("http://"):
        raise InvalidTarget(target)
    return target.rstrip("/")
