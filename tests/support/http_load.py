"""A small HTTP load without retries: keep-alive connections, one request at a time on each.

A connection is reused until the server sends `Connection: close` or closes it before the next
request. No request is sent twice: a transport error, or a response that is not 2xx, counts as a
failed request.
"""

import asyncio
import json as jsonlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httptools

RESPONSE_TIMEOUT = 15.0
MAX_FAILURES_KEPT = 20


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to send; ``json`` is its body."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None

    def encode(self, host: str) -> bytes:
        body = b"" if self.json is None else jsonlib.dumps(self.json).encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", f"host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.json is not None:
            lines += ["content-type: application/json", f"content-length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return jsonlib.loads(self.body)


class Connection:
    """A keep-alive connection, opened on first use."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._protocol: _HttpProtocol | None = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Raises `OSError` (TimeoutError among them) when no complete response arrived."""
        async with asyncio.timeout(RESPONSE_TIMEOUT):
            if self._protocol is None or not self._protocol.is_open:
                loop = asyncio.get_running_loop()
                _, self._protocol = await loop.create_connection(_HttpProtocol, *self._address)
            return await self._protocol.exchange(request.encode("{}:{}".format(*self._address)))

    def close(self) -> None:
        if self._protocol is not None:
            self._protocol.close()


class _HttpProtocol(asyncio.Protocol):
    """Callbacks of the event loop and of the HTTP parser."""

    def __init__(self) -> None:
        self.is_open = False
        self._transport: asyncio.Transport
        self._parser: Any = None
        self._response: asyncio.Future[HttpResponse] | None = None
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    async def exchange(self, request: bytes) -> HttpResponse:
        self._headers, self._body = {}, bytearray()
        self._parser = httptools.HttpResponseParser(self)
        self._response = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._response
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        self.is_open = False
        self._transport.close()

    # The loop's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"not HTTP: {error}"))
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._fail(error or ConnectionResetError("closed before the response was complete"))

    def _fail(self, error: Exception) -> None:
        if self._response is not None and not self._response.done():
            self._response.set_exception(error)

    # The parser's callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.close()
        if self._response is not None and not self._response.done():
            status = self._parser.get_status_code()
            self._response.set_result(HttpResponse(status, self._headers, bytes(self._body)))


async def send_all_at_once(requests: Iterable[tuple[str, HttpRequest]]) -> list[HttpResponse]:
    """Send each request to its URL, all in parallel, each on its own connection."""

    async def send(url: str, request: HttpRequest) -> HttpResponse:
        connection = Connection(url)
        try:
            return await connection.send(request)
        finally:
            connection.close()

    return await asyncio.gather(*(send(url, request) for url, request in requests))


@dataclass
class LoadResult:
    """Counts of the responses and failures so far."""

    statuses: Counter[int] = field(default_factory=Counter)
    failed: int = 0
    failures: list[str] = field(default_factory=list)
    """Descriptions of the first few failures."""

    @property
    def total(self) -> int:
        return self.failed + sum(n for status, n in self.statuses.items() if 200 <= status < 300)

    def count(self, request: HttpRequest, outcome: HttpResponse | OSError) -> None:
        if isinstance(outcome, HttpResponse):
            self.statuses[outcome.status] += 1
            if outcome.ok:
                return
        self.failed += 1
        if len(self.failures) < MAX_FAILURES_KEPT:
            description = (
                repr(outcome)
                if isinstance(outcome, OSError)
                else f"{outcome.status} {outcome.body!r}"
            )
            self.failures.append(f"{request.method} {request.path}: {description}")


@asynccontextmanager
async def steady_load(
    url: str, *, connections: int, script: Callable[[int], Iterator[HttpRequest]]
) -> AsyncIterator[LoadResult]:
    """Keep connections busy during the block; each sends its next request after a response.

    ``script(n)`` yields the endless requests of connection ``n``. The last responses are awaited.
    """
    result = LoadResult()
    stopping = asyncio.Event()

    async def run_script(requests: Iterator[HttpRequest]) -> None:
        connection = Connection(url)
        try:
            while not stopping.is_set():
                request = next(requests)
                try:
                    result.count(request, await connection.send(request))
                except OSError as error:
                    result.count(request, error)
        finally:
            connection.close()

    async with asyncio.TaskGroup() as tasks:
        for number in range(connections):
            tasks.create_task(run_script(script(number)))
        try:
            yield result
        finally:
            stopping.set()
