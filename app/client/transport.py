"""The HTTP engine under the client, and the only module that knows which one it is (httpx2).

Its transport is used without its client: cookies, redirects, proxies and decompression have no
place between neighbours and would cost most of the time of a call.
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

# Long enough that a process starved of CPU for a moment finds its connection made, instead of a
# timer that ran out first (docs/decisions/0006-connecting-may-take-a-second.md).
CONNECT_TIMEOUT = 1.0
POOL_TIMEOUT = 0.1
# Idle connections end before a neighbour closes one just as we use it: well within its keep-alive
# (75 s), and within its drain in a cluster, where it says `Connection: close` on those in use.
LIMITS = httpx2.Limits(max_connections=512, max_keepalive_connections=64, keepalive_expiry=2.0)
STREAM_KEEPALIVE = 8
"""Idle connections kept for event streams: most of them end with their stream."""

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers about one connection, never passed on (RFC 9110, 7.6.1)."""

Headers = httpx2.Headers
Transport = httpx2.AsyncBaseTransport
Params = Mapping[str, str | int | Sequence[str]]


def end_to_end(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the headers to pass on, names in lower case: none that is about one connection."""
    pairs = [(name.lower(), value) for name, value in headers]
    named = {
        token.strip().lower()
        for name, value in pairs
        if name == "connection"
        for token in value.split(",")
    }
    return [pair for pair in pairs if pair[0] not in HOP_BY_HOP and pair[0] not in named]


class TransportResponse:
    """An answer whose head is here."""

    def __init__(self, upstream: str, response: httpx2.Response) -> None:
        self.status_code = response.status_code
        self.headers = _received(response.headers)
        self._upstream = upstream
        self._response = response

    async def parts(self, *, seconds_left: Callable[[], float]) -> AsyncGenerator[bytes]:
        """Yield the body as it comes; asks how long to wait before each part.

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
        """Give the connection back, or close it if it is not at the end of this answer."""
        if _has_surplus(self._response):
            await self._response.extensions["network_stream"].aclose()
        await self._response.aclose()


class UpstreamTransport:
    """Sends requests to the replicas of one neighbour over kept connections.

    Event streams have connections of their own, at most `max_streams`: however many are open,
    requests find theirs.
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
        seconds: float,
        connect_seconds: float = CONNECT_TIMEOUT,
        endless: bool = False,
    ) -> TransportResponse:
        """Send and wait at most `seconds` for the answer's head; `endless` ones are streams.

        Raises `UpstreamError`, and `BadRequest` for what cannot be said in HTTP: it can only
        have come from whoever asked us.
        """
        connection = _Connection()
        transport = self._streams if endless else self._requests
        with _translated(self._upstream, connection):
            request = httpx2.Request(
                method,
                url,
                params=params,
                # As bytes: the engine would take text for ASCII, and headers may be Latin-1.
                headers=_as_sent(headers),
                content=content,
                extensions={
                    "timeout": {"connect": connect_seconds, "pool": POOL_TIMEOUT},
                    "trace": connection.trace,
                },
            )
            async with asyncio.timeout(seconds):
                response = await transport.handle_async_request(request)
        try:
            if flaw := _flaw(request, response):
                raise UpstreamBroken(self._upstream, flaw)
            return TransportResponse(self._upstream, response)
        except BaseException:
            await response.aclose()
            raise


class _Connection:
    """Hears from the engine how far it came with the connection for a request."""

    def __init__(self) -> None:
        self.was_kept = True
        self.is_being_made = False

    async def trace(self, event: str, _: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self.was_kept = False
            self.is_being_made = True
        elif event == "connection.connect_tcp.complete":
            self.is_being_made = False


@contextmanager
def _translated(upstream: str, connection: _Connection | None = None) -> Iterator[None]:
    """Turn the engine's errors into ours, once, here."""
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
        if connection is not None and connection.is_being_made:
            raise ConnectTimeout(upstream, "no connection could be made in time.") from error
        raise UpstreamTimeout(upstream, "it did not answer in time.") from error
    except httpx2.TransportError as error:
        kept = connection is not None and connection.was_kept
        raise UpstreamBroken(upstream, "its answer was cut off.", unanswered=kept) from error


def _network(limits: httpx2.Limits) -> Transport:
    # Neighbours speak plain http inside one trust zone. An empty context spares loading the
    # machine's certificates at each start, and trusts nobody should https ever appear.
    nobody_trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx2.AsyncHTTPTransport(verify=nobody_trusted, trust_env=False, limits=limits)


def _as_sent(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _received(headers: httpx2.Headers) -> Headers:
    """The headers to look at and to pass on. Latin-1 has a character for every byte."""
    pairs = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.raw)
    received = Headers(_as_sent(end_to_end(pairs)))
    received.encoding = "latin-1"
    return received


def _has_surplus(response: httpx2.Response) -> bool:
    """Whether more came than the answer: the next request would take it for its own."""
    if "network_stream" not in response.extensions:
        return False
    # Nothing public tells what the parser has left; a test notices when this moves.
    connection = cast(Any, response.stream)._httpcore_stream._stream._connection
    return bool(connection._h11_state.trailing_data[0])


def _flaw(request: httpx2.Request, response: httpx2.Response) -> str | None:
    """What is wrong with the head of an answer, as the end of a sentence."""
    if not _is_final(request, response.status_code):
        return f"it answered {response.status_code}, which nobody asked for."
    if request.method != "HEAD" and _end_is_unknowable(response):
        return "its answer does not say where it ends."
    return None


def _is_final(request: httpx2.Request, status: int) -> bool:
    """Whether a neighbour may answer this. None of ours redirects or switches protocols."""
    if status == httpx2.codes.NOT_MODIFIED:
        return "if-none-match" in request.headers or "if-modified-since" in request.headers
    return 200 <= status < 300 or 400 <= status < 600


def _end_is_unknowable(response: httpx2.Response) -> bool:
    """Whether the body would end with the connection, so that a cut one looked whole."""
    from_network = "network_stream" in response.extensions
    has_body = response.status_code not in (204, 304)
    framed = "content-length" in response.headers or "transfer-encoding" in response.headers
    return from_network and has_body and not framed
