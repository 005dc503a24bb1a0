"""A small load that forgives nothing: kept connections, one request at a time on each.

A connection is reused until the server says `Connection: close` or has hung up before the next
request. Nothing is ever sent twice: an error on the way, or an answer that is not 2xx, counts as
a failed request.
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

ANSWER_WITHIN = 15.0
MAX_KEPT_FAILURES = 20


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to be sent; ``json`` is its body."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None

    def on_the_wire(self, host: str) -> bytes:
        body = b"" if self.json is None else jsonlib.dumps(self.json).encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", f"host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.json is not None:
            lines += ["content-type: application/json", f"content-length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that arrived whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return jsonlib.loads(self.body)


class Connection:
    """One way into the shop, opened when it is needed."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname or "", parts.port or 80)
        self._wire: _Wire | None = None

    async def send(self, ask: Ask) -> Reply:
        """Raises `OSError` (TimeoutError among them) when no whole answer came."""
        async with asyncio.timeout(ANSWER_WITHIN):
            if self._wire is None or not self._wire.usable:
                loop = asyncio.get_running_loop()
                _, self._wire = await loop.create_connection(_Wire, *self._place)
            return await self._wire.exchange(ask.on_the_wire("{}:{}".format(*self._place)))

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()


class _Wire(asyncio.Protocol):
    """A connection as the loop and the parser see it."""

    def __init__(self) -> None:
        self.usable = False
        self._transport: asyncio.Transport
        self._parser: Any = None
        self._arriving: asyncio.Future[Reply] | None = None
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    async def exchange(self, request: bytes) -> Reply:
        self._headers, self._body = {}, bytearray()
        self._parser = httptools.HttpResponseParser(self)
        self._arriving = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._arriving
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        self.usable = False
        self._transport.close()

    # The loop's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.usable = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._break(ConnectionError(f"no HTTP: {error}"))
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        self._break(error or ConnectionResetError("closed before the answer was whole"))

    def _break(self, error: Exception) -> None:
        if self._arriving is not None and not self._arriving.done():
            self._arriving.set_exception(error)

    # The parser's callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.close()
        if self._arriving is not None and not self._arriving.done():
            status = self._parser.get_status_code()
            self._arriving.set_result(Reply(status, self._headers, bytes(self._body)))


async def all_at_once(asks: Iterable[tuple[str, Ask]]) -> list[Reply]:
    """Send each to its URL, all in parallel and each on a connection of its own."""

    async def send(url: str, ask: Ask) -> Reply:
        connection = Connection(url)
        try:
            return await connection.send(ask)
        finally:
            connection.close()

    return await asyncio.gather(*(send(url, ask) for url, ask in asks))


@dataclass
class Tally:
    """What became of the requests so far."""

    answers: Counter[int] = field(default_factory=Counter)
    failed: int = 0
    failures: list[str] = field(default_factory=list)
    """The first few of those that failed, told."""

    @property
    def total(self) -> int:
        return self.failed + sum(n for status, n in self.answers.items() if 200 <= status < 300)

    def count(self, ask: Ask, outcome: Reply | OSError) -> None:
        if isinstance(outcome, Reply):
            self.answers[outcome.status] += 1
            if outcome.good:
                return
        self.failed += 1
        if len(self.failures) < MAX_KEPT_FAILURES:
            told = (
                repr(outcome)
                if isinstance(outcome, OSError)
                else f"{outcome.status} {outcome.body!r}"
            )
            self.failures.append(f"{ask.method} {ask.path}: {told}")


@asynccontextmanager
async def steady_load(
    url: str, *, connections: int, script: Callable[[int], Iterator[Ask]]
) -> AsyncIterator[Tally]:
    """So many connections for the length of the block, each sending as soon as it was answered.

    ``script(n)`` yields what connection ``n`` sends, without end. The last answers are awaited.
    """
    tally = Tally()
    stopping = asyncio.Event()

    async def follow(asks: Iterator[Ask]) -> None:
        connection = Connection(url)
        try:
            while not stopping.is_set():
                ask = next(asks)
                try:
                    tally.count(ask, await connection.send(ask))
                except OSError as error:
                    tally.count(ask, error)
        finally:
            connection.close()

    async with asyncio.TaskGroup() as tasks:
        for number in range(connections):
            tasks.create_task(follow(script(number)))
        try:
            yield tally
        finally:
            stopping.set()
