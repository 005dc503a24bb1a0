"""Stands for the network under `app.client`: a function from request to response.

    FakeNetwork(lambda request: httpx2.Response(200, json={}))

The function may be async. It raises `httpx2.ConnectError` for a replica that is not there, and
any other `httpx2.TransportError` for a connection that breaks.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import cast

import httpx2

from app.client import ConnectTimeout, UpstreamBroken, UpstreamRefused, UpstreamTimeout
from app.client.messages import Origin, Request, end_to_end, joined

Respond = Callable[[httpx2.Request], httpx2.Response | Awaitable[httpx2.Response]]


class FakeNetwork:
    """A `Transport` for an `Upstream`."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    async def send(
        self, request: Request, *, timeout: float, connect_timeout: float
    ) -> "FakeResponse":
        request.encode(Origin.of(request.url))  # what the network would refuse is refused here too
        asked = httpx2.Request(
            request.method,
            request.url + request.target,
            # As bytes: httpx2 encodes text as ASCII, and headers may be Latin-1.
            headers=[
                (name.encode(), value.encode("latin-1")) for name, value in request.headers.items()
            ],
            content=request.content,
        )
        with _errors_of(request.upstream):
            async with asyncio.timeout(timeout):
                response = self.respond(asked)
                if inspect.isawaitable(response):
                    response = await response
        return FakeResponse(request.upstream, response)

    async def aclose(self) -> None:
        return None


class FakeResponse:
    """A `Response` of app.client."""

    def __init__(self, upstream: str, response: httpx2.Response) -> None:
        self.status_code = response.status_code
        fields = ((name.decode(), value.decode("latin-1")) for name, value in response.headers.raw)
        self.headers = end_to_end(joined(fields))
        self._upstream = upstream
        self._response = response
        self._parts = aiter(cast(httpx2.AsyncByteStream, response.stream))

    async def next_part(self, seconds: float) -> bytes | None:
        with _errors_of(self._upstream):
            async with asyncio.timeout(seconds):
                return await anext(self._parts, None)

    async def aclose(self) -> None:
        await self._response.aclose()


@contextmanager
def _errors_of(upstream: str) -> Iterator[None]:
    try:
        yield
    except httpx2.ConnectError as error:
        raise UpstreamRefused(upstream, "no connection could be made.", unsent=True) from error
    except httpx2.ConnectTimeout as error:
        raise ConnectTimeout(upstream, "no connection could be made in time.") from error
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise UpstreamTimeout(upstream, "it did not answer in time.") from error
    except httpx2.TransportError as error:
        raise UpstreamBroken(upstream, "its response was cut off.") from error
