"""The HTTP library under the client: the only module that knows it is httpx2.

Only its transport is used, not its client: cookies, redirects, proxies and decompression are not
needed between services and would cost most of the time of a call.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager
from types import TracebackType
from typing import Any, Self, cast

import httpx2

from app.client.errors import (
    ConnectTimeout,
    LocalLimit,
    UpstreamBroken,
    UpstreamRefused,
    UpstreamTimeout,
)
from app.errors import BadRequest

# Long enough for a process that got no CPU for a moment: it finds its connection made instead of
# an expired timer (docs/decisions/0006-connecting-may-take-a-second.md).
CONNECT_TIMEOUT = 1.0
POOL_TIMEOUT = 0.1
# Idle connections end before an upstream can close one just as we use it: well within its
# keep-alive (75 s) and its drain, where it sends `Connection: close` only on those in use.
LIMITS = httpx2.Limits(max_connections=512, max_keepalive_connections=64, keepalive_expiry=2.0)
STREAM_KEEPALIVE = 8
"""Idle connections kept for event streams. Most of them end with their stream."""

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}
)
"""Never passed on (RFC 9110, 7.6.1)."""

Headers = httpx2.Headers
Transport = httpx2.AsyncBaseTransport
Params = Mapping[str, str | int | Sequence[str]]


def end_to_end(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers to pass on, names in lower case: all but the hop-by-hop ones."""
    pairs = [(name.lower(), value) for name, value in headers]
    named = {
        token.strip().lower()
        for name, value in pairs
        if name == "connection"
        for token in value.split(",")
    }
    return [pair for pair in pairs if pair[0] not in HOP_BY_HOP and pair[0] not in named]


class TransportResponse:
    """A response whose head is here."""

    def __init__(self, upstream: str, response: httpx2.Response) -> None:
        self.status_code = response.status_code
        self.headers = _received(response.headers)
        self._upstream = upstream
        self._response = response

    async def parts(self, *, seconds_left: Callable[[], float]) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives; `seconds_left` is called before each part.

        Raises `UpstreamTimeout` if it is too slow and `UpstreamBroken` if it is cut off.
        """
        stream = cast(httpx2.AsyncByteStream, self._response.stream)
        async with aclosing(cast(AsyncGenerator[bytes], aiter(stream))) as body:
            while (part := await self._next(body, seconds_left())) is not None:
                yield part

    async def _next(self, body: AsyncGenerator[bytes], seconds: float) -> bytes | None:
        with _translated(self._upstream):
            async with asyncio.timeout(seconds):
                return await anext(body, None)

    async def aclose(self) -> None:
        """Return the connection to the pool; close it if it is not at the response's end."""
        if _has_trailing_data(self._response):
            await self._response.extensions["network_stream"].aclose()
        await self._response.aclose()


class UpstreamTransport:
    """Sends requests to the replicas of one upstream over pooled connections.

    Event streams have a pool of their own with at most `max_streams` connections, so that they
    take none from requests.
    """

    def __init__(
        self, upstream: str, transport: Transport | None = None, *, max_streams: int
    ) -> None:
        self._upstream = upstream
        self._requests = transport or _network(LIMITS)
        self._streams = transport or _network(
            httpx2.Limits(
                max_connections=max_streams,
                max_keepalive_connections=STREAM_KEEPALIVE,
                keepalive_expiry=LIMITS.keepalive_expiry,
            )
        )
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for transport in {self._requests, self._streams}:
            await self._open.enter_async_context(transport)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    async def send(
        self,
        method: str,
        url: str,
        *,
        params: Params | None,
        headers: Sequence[tuple[str, str]],
        content: bytes,
        timeout: float,
        connect_timeout: float = CONNECT_TIMEOUT,
        is_event_stream: bool = False,
    ) -> TransportResponse:
        """Send and wait at most `timeout` seconds for the response's head.

        Raises `UpstreamError`, and `BadRequest` for what is not valid HTTP: it can only come
        from our own caller.
        """
        connection = _ConnectionTrace()
        transport = self._streams if is_event_stream else self._requests
        with _translated(self._upstream, connection):
            request = httpx2.Request(
                method,
                url,
                params=params,
                # As bytes: httpx2 encodes text as ASCII, and headers may be Latin-1.
                headers=_encoded(headers),
                content=content,
                extensions={
                    "timeout": {"connect": connect_timeout, "pool": POOL_TIMEOUT},
                    "trace": connection.trace,
                },
            )
            async with asyncio.timeout(timeout):
                response = await transport.handle_async_request(request)
        try:
            if reason := _why_unusable(request, response):
                raise UpstreamBroken(self._upstream, reason)
            return TransportResponse(self._upstream, response)
        except BaseException:
            await response.aclose()
            raise


class _ConnectionTrace:
    """Records, as httpx2's trace extension, whether a request got a new connection."""

    def __init__(self) -> None:
        self.was_reused = True
        self.is_connecting = False

    async def trace(self, event: str, _: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self.was_reused = False
            self.is_connecting = True
        elif event == "connection.connect_tcp.complete":
            self.is_connecting = False


@contextmanager
def _translated(upstream: str, connection: _ConnectionTrace | None = None) -> Iterator[None]:
    """Turn httpx2's errors into ours."""
    try:
        yield
    except httpx2.ConnectError as error:
        raise UpstreamRefused(upstream, "no connection could be made.", unsent=True) from error
    except httpx2.ConnectTimeout as error:
        raise ConnectTimeout(upstream, "no connection could be made in time.") from error
    except httpx2.PoolTimeout as error:
        raise LocalLimit(upstream, "all connections to it are in use.") from error
    except (httpx2.InvalidURL, httpx2.LocalProtocolError) as error:
        raise BadRequest("This request cannot be passed on as it is.") from error
    except (TimeoutError, httpx2.TimeoutException) as error:
        if connection is not None and connection.is_connecting:
            raise ConnectTimeout(upstream, "no connection could be made in time.") from error
        raise UpstreamTimeout(upstream, "it did not answer in time.") from error
    except httpx2.TransportError as error:
        reused = connection is not None and connection.was_reused
        raise UpstreamBroken(
            upstream, "its response was cut off.", stale_connection=reused
        ) from error


def _network(limits: httpx2.Limits) -> Transport:
    # Services speak plain http inside one trust zone. An empty context avoids loading the
    # machine's certificates at each start, and trusts no certificate should https ever appear.
    empty_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx2.AsyncHTTPTransport(verify=empty_context, trust_env=False, limits=limits)


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _received(headers: httpx2.Headers) -> Headers:
    """The end-to-end headers, as Latin-1: it has a character for every byte."""
    pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.raw)
    received = Headers(_encoded(end_to_end(pairs)))
    received.encoding = "latin-1"
    return received


def _has_trailing_data(response: httpx2.Response) -> bool:
    """Whether more than the response arrived: the next request would read it as its own."""
    if "network_stream" not in response.extensions:
        return False
    # httpx2 has no public way to see what its parser has left. A test notices when this moves.
    connection = cast(Any, response.stream)._httpcore_stream._stream._connection
    return bool(connection._h11_state.trailing_data[0])


def _why_unusable(request: httpx2.Request, response: httpx2.Response) -> str | None:
    """What is wrong with the response's head, as the end of a sentence; None if nothing is."""
    if not _is_final(request, response.status_code):
        return f"it answered {response.status_code}, which is not expected."
    if request.method != "HEAD" and _has_no_framing(response):
        return "its response does not say where it ends."
    return None


def _is_final(request: httpx2.Request, status: int) -> bool:
    """Whether this status ends a call. None of our services redirects or switches protocols."""
    if status == httpx2.codes.NOT_MODIFIED:
        return "if-none-match" in request.headers or "if-modified-since" in request.headers
    return 200 <= status < 300 or 400 <= status < 600


def _has_no_framing(response: httpx2.Response) -> bool:
    """Whether the body ends with the connection, so that a cut one would look complete."""
    from_network = "network_stream" in response.extensions
    has_body = response.status_code not in (204, 304)
    framed = "content-length" in response.headers or "transfer-encoding" in response.headers
    return from_network and has_body and not framed
