"""One HTTP/1.1 connection to a replica, with one exchange at a time.

httptools parses, strictly. What services do not need of HTTP is not here: TLS, redirects, cookies,
compression, proxies, pipelining, bodies that end with their connection.
"""

import asyncio
import select
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from app.client.errors import UpstreamBroken, UpstreamError, UpstreamTimeout
from app.client.messages import Headers, Request, add, end_to_end

MAX_OVERHEAD = 64 * 1024
"""Bytes that may come without one of a body: a head, 1xx responses, trailers."""
MAX_UNREAD = 256 * 1024
"""Bytes of a body that nobody has read yet, before the peer has to wait."""
NO_BODY = (204, 304)
VERSIONS = ("1.1", "1.0")


class Exchange:
    """A request that was sent, and the response to it as it arrives."""

    __slots__ = (
        "_connection",
        "_failure",
        "_parts",
        "_unread",
        "_waiter",
        "has_head",
        "headers",
        "is_complete",
        "method",
        "received",
        "status_code",
        "upstream",
    )

    def __init__(self, connection: "Connection", upstream: str, method: str) -> None:
        self.upstream = upstream
        self.method = method
        self.status_code = 0
        self.headers: Headers = {}
        self.has_head = False
        self.is_complete = False
        self.received = 0
        """Bytes of the body so far."""
        self._connection = connection
        self._parts: deque[bytes] = deque()
        self._unread = 0
        self._failure: UpstreamError | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def wait_for_head(self, seconds: float) -> None:
        """Raises `UpstreamError`."""
        while not self.has_head:
            await self._wait(seconds)

    async def next_part(self, seconds: float) -> bytes | None:
        """Return the next bytes of the body; None at its end. Raises `UpstreamError`."""
        if seconds <= 0:
            self.expire()
        while not self.is_complete and (seconds <= 0 or not self._parts):
            await self._wait(seconds)
        if not self._parts:
            return None
        part = self._parts.popleft()
        self._unread -= len(part)
        if not self._parts and not self.is_complete:
            self._connection.resume_reading()
        return part

    def close(self) -> None:
        """Close the connection, unless the whole response has been received."""
        if not self.is_complete:
            self._parts.clear()
            self._connection.close()
        # Its traceback refers to this exchange: nothing of it would be freed until a collection.
        self._failure = None

    async def aclose(self) -> None:
        self.close()

    async def _wait(self, seconds: float) -> None:
        """Wait until more has arrived. Raises `UpstreamError`."""
        if self._failure is None:
            loop = self._connection.loop
            waiter = self._waiter = loop.create_future()
            timer = loop.call_later(seconds, self.expire)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiter = None
        if self._failure is not None:
            raise self._failure

    def expire(self) -> None:
        # What came in time counts, even if this process had no turn to look at it until now.
        if self._waiter is None or not self._waiter.done():
            self.fail(UpstreamTimeout(self.upstream, "it did not answer in time."))

    # Called by the connection

    @property
    def has_much_unread(self) -> bool:
        return self._unread > MAX_UNREAD

    def receive_head(self, status_code: int, headers: Headers) -> None:
        self.status_code = status_code
        self.headers = headers
        self.has_head = True
        self._wake()

    def receive_part(self, part: bytes) -> None:
        self._parts.append(part)
        self.received += len(part)
        self._unread += len(part)
        self._wake()

    def complete(self) -> None:
        self.is_complete = True
        self._wake()

    def fail(self, error: UpstreamError) -> None:
        """End it, unless it is complete; what has arrived of the body can still be read."""
        if not self.is_complete and self._failure is None:
            self._failure = error
            self._connection.close()
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _StopParsing(Exception):
    """Nothing that follows in this connection is of use."""


class Connection(asyncio.Protocol):
    """Reports to its pool through `on_free` when it can take the next request, and `on_closed`."""

    def __init__(
        self,
        url: str,
        *,
        on_free: Callable[["Connection"], None],
        on_closed: Callable[["Connection"], None],
    ) -> None:
        self.url = url
        self.loop = asyncio.get_running_loop()
        self.free_since = 0.0
        self.is_closed = False
        self._on_free = on_free
        self._on_closed = on_closed
        self._transport: asyncio.Transport
        self._parser: httptools.HttpResponseParser
        self._exchange: Exchange | None = None
        self._was_used = False
        self._is_reading = True
        # Of the response that is arriving:
        self._headers: Headers = {}
        self._head_bytes = 0
        self._overhead = 0
        self._is_silent = True
        self._is_informational = False
        self._keeps_alive = False

    @property
    def is_quiet(self) -> bool:
        """Whether it is open and nothing waits in its socket to be read.

        Between two exchanges that can only be the end of the connection or a response to nothing,
        which the loop has not had a turn to read yet.
        """
        return not self._transport.is_closing() and not self._unread_input.poll(0)

    def start(self, request: Request, encoded: bytes) -> Exchange:
        """Send a request. Only on a connection that is free."""
        self._exchange = exchange = Exchange(self, request.upstream, request.method)
        self._head_bytes = 0
        self._overhead = 0
        self._is_silent = True
        self._transport.write(encoded)
        return exchange

    def close(self) -> None:
        """Close it at once; an exchange on it has failed or was given up."""
        if not self.is_closed:
            self.is_closed = True
            self._transport.abort()
            self._on_closed(self)

    def resume_reading(self) -> None:
        if not self._is_reading and not self.is_closed:
            self._is_reading = True
            self._transport.resume_reading()

    # asyncio's protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpResponseParser(self)
        # Not `select`, which takes no file descriptor beyond 1023.
        self._unread_input = select.poll()
        self._unread_input.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None or self.is_closed:
            self.close()  # a response to nothing
            return
        self._is_silent = False
        received_before = exchange.received
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._break("its response is not valid HTTP.")
            return
        if exchange.is_complete:
            self._finish(exchange)
            return
        self._overhead = 0 if exchange.received > received_before else self._overhead + len(data)
        if self._overhead > MAX_OVERHEAD:
            self._break("its response does not get to its body.")
        elif exchange.has_much_unread:
            self._is_reading = False
            self._transport.pause_reading()

    def eof_received(self) -> None:
        self._break("its response was cut off.")

    def connection_lost(self, error: Exception | None) -> None:
        self._break("its response was cut off.")
        self._exchange = None
        del self._parser  # they refer to each other

    def _finish(self, exchange: Exchange) -> None:
        """Be free for the next request, if both sides are at the end of this one."""
        is_reusable = (
            self._keeps_alive
            and exchange.method != "HEAD"  # the parser takes its head for that of a GET
            and not self._transport.get_write_buffer_size()  # it responded before it had it all
        )
        self._exchange = None
        self._was_used = True
        if is_reusable:
            self.free_since = self.loop.time()
            self._on_free(self)
        else:
            self.close()

    def _break(self, reason: str) -> None:
        if self._exchange is not None:
            is_stale = self._was_used and self._is_silent
            upstream = self._exchange.upstream
            self._exchange.fail(UpstreamBroken(upstream, reason, stale_connection=is_stale))
        self.close()

    # httptools' protocol

    def on_message_begin(self) -> None:
        if self._exchange is None or self._exchange.is_complete:
            raise _StopParsing  # more than the response: the next request would read it as its own

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > MAX_OVERHEAD:
            raise _StopParsing
        add(self._headers, name.decode("latin-1"), value.rstrip(b" \t").decode("latin-1"))

    def on_headers_complete(self) -> None:
        assert self._exchange is not None
        status_code = self._parser.get_status_code()
        # Trailers and early hints go nowhere.
        headers, self._headers = self._headers, {}
        self._is_informational = 100 <= status_code < 200 and status_code != 101
        if self._is_informational:
            return
        if self._parser.get_http_version() not in VERSIONS:
            raise _StopParsing
        if reason := _why_unframed(self._exchange.method, status_code, headers):
            self._break(reason)
            raise _StopParsing
        self._exchange.receive_head(status_code, end_to_end(headers))
        if self._exchange.method == "HEAD":
            self._exchange.complete()

    def on_body(self, part: bytes) -> None:
        assert self._exchange is not None
        if self._exchange.is_complete:
            raise _StopParsing
        self._exchange.receive_part(part)

    def on_message_complete(self) -> None:
        assert self._exchange is not None
        if not self._is_informational:
            self._keeps_alive = self._parser.should_keep_alive()  # it does not know afterwards
            self._exchange.complete()


def _why_unframed(method: str, status_code: int, headers: Headers) -> str | None:
    """Why it is not clear where the body ends, as the end of a sentence; None if it is."""
    coding = headers.get("transfer-encoding")
    if coding is not None:
        is_plain = coding.lower() == "chunked" and "content-length" not in headers
        return None if is_plain else "its response is badly framed."
    if "content-length" in headers or method == "HEAD" or status_code in NO_BODY:
        return None
    return "its response does not say where it ends."
