"""The load of one sample, from a process of its own: `python -m cartwheel.bench.load_generator`.

It reads a `Load` as JSON from stdin and prints a `LoadResult`. Requests are ready bytes and
responses are read no further than their length, so that it costs little beside the server.

Without a rate it is a closed loop: each connection sends its next request when it has its
response. With a rate it sends at fixed times, whether or not responses arrive, and measures from
the time a request was due: a closed loop hides the stalls of a server, because it waits with it.
"""

import asyncio
import dataclasses
import gc
import json
import math
import sys
import time
from array import array
from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import cast

import uvloop

HOST = "127.0.0.1"
TICK = 0.001
CONNECT_TIMEOUT = 10.0
MAX_CONNECTING = 64
RESPONSE_TIMEOUT = 10.0
"""How long the last requests may take."""


@dataclass(frozen=True)
class Load:
    """What to send. Connections walk through `requests` again and again.

    `seconds` 0: every request is sent once. `deadline`: when a response is no longer in time.
    """

    port: int
    requests: Sequence[str]
    connections: int
    seconds: float = 0.0
    rate: float = 0.0
    deadline: float = math.inf


@dataclass
class LoadResult:
    """Latencies in seconds. An error is a response that is not 2xx or 3xx, or none at all.

    ``in_time`` are the others within the deadline. A request is shed if its response is 503.
    """

    requests: int = 0
    errors: int = 0
    seconds: float = 0.0
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    slowest: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    in_time: int = 0
    ok_p50: float = 0.0
    ok_p99: float = 0.0
    shed_p50: float = 0.0
    shed_p99: float = 0.0


class Generator:
    """Sends one `Load`."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._requests = [request.encode("latin-1") for request in load.requests]
        self._loop = asyncio.get_running_loop()
        self._durations: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._unanswered = 0
        self._connections: list[Connection] = []
        self._idle: deque[Connection] = deque()
        self._overdue: deque[float] = deque()
        self._in_flight = 0
        self._until = math.inf
        self._last_response = 0.0
        self._finished = asyncio.Event()

    async def run(self) -> LoadResult:
        await self._connect()
        started = time.perf_counter()
        if self._load.seconds:
            self._until = started + self._load.seconds
        if self._load.rate:
            await self._send_at_rate(started)
        else:
            for connection in self._connections:
                self._send_next(connection)
        await self._wait_for_responses()
        return self._result(started)

    async def _connect(self) -> None:
        number = len(self._requests)
        count = min(self._load.connections, number) if not self._load.seconds else None
        count = count or self._load.connections
        slots = asyncio.Semaphore(MAX_CONNECTING)

        async def connect(connection: "Connection") -> None:
            async with slots, asyncio.timeout(CONNECT_TIMEOUT):
                # Without a connection the first request opens one, and counts if that fails.
                with suppress(OSError, TimeoutError):
                    await connection.open()

        for index in range(count):
            first, end = index * number // count, (index + 1) * number // count
            left = None if self._load.seconds else end - first
            self._connections.append(
                Connection(self._loop, self._load.port, self._on_response, first, left)
            )
        await asyncio.gather(*map(connect, self._connections))

    def _send_next(self, connection: "Connection", *, due: float = 0.0) -> None:
        """Send the connection's next request, unless the time is over or it has sent them all."""
        is_over = not self._load.rate and time.perf_counter() >= self._until
        if connection.left == 0 or is_over:
            return
        if connection.left is not None:
            connection.left -= 1
        request = self._requests[connection.position % len(self._requests)]
        connection.position += 1
        self._in_flight += 1
        connection.send(request, due=due)

    async def _send_at_rate(self, started: float) -> None:
        self._idle.extend(self._connections)
        number = 0
        while (now := time.perf_counter()) < self._until:
            while (due := started + number / self._load.rate) <= now:
                number += 1
                # A tick is as exact as the loop's timers: less is not the server's delay.
                self._overdue.append(now if now - due < 2 * TICK else due)
            self._send_overdue()
            await asyncio.sleep(TICK)
        self._until = math.inf
        self._send_overdue()

    def _send_overdue(self) -> None:
        while self._overdue and self._idle:
            self._send_next(self._idle.popleft(), due=self._overdue.popleft())

    def _on_response(self, connection: "Connection", status: bytes, started: float) -> None:
        """A request has ended; without a response the status is empty."""
        now = self._last_response = time.perf_counter()
        self._in_flight -= 1
        self._durations[status.decode() or "none"].append(now - started)
        if self._load.rate:
            self._idle.append(connection)
            self._send_overdue()
        else:
            self._send_next(connection)
        if not self._in_flight:
            self._finished.set()

    async def _wait_for_responses(self) -> None:
        left = max(self._until - time.perf_counter(), 0) if self._load.seconds else 60.0
        if self._load.rate:
            left = 0.0
        with suppress(TimeoutError):
            async with asyncio.timeout(left + RESPONSE_TIMEOUT):
                while self._in_flight:
                    self._finished.clear()
                    await self._finished.wait()
        if unanswered := self._in_flight + len(self._overdue):
            self._unanswered = unanswered

    def _result(self, started: float) -> LoadResult:
        ordered = sorted(chain.from_iterable(self._durations.values()))
        successes = [self._durations[one] for one in self._durations if one[:1] in ("2", "3")]
        ok, shed = sorted(chain.from_iterable(successes)), sorted(self._durations["503"])
        statuses = Counter({one: len(durations) for one, durations in self._durations.items()})
        statuses["none"] += self._unanswered
        total = statuses.total()
        return LoadResult(
            requests=total,
            errors=total - len(ok),
            seconds=max(self._last_response - started, TICK),
            p50=quantile(ordered, 0.5),
            p90=quantile(ordered, 0.9),
            p99=quantile(ordered, 0.99),
            slowest=ordered[-1] if ordered else 0.0,
            statuses=dict(+statuses),
            in_time=bisect_right(ok, self._load.deadline),
            ok_p50=quantile(ok, 0.5),
            ok_p99=quantile(ok, 0.99),
            shed_p50=quantile(shed, 0.5),
            shed_p99=quantile(shed, 0.99),
        )


class Connection(asyncio.Protocol):
    """A keep-alive connection with at most one request on its way."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        port: int,
        on_response: Callable[["Connection", bytes, float], None],
        position: int,
        left: int | None,
    ) -> None:
        self.position = position
        self.left = left
        self._loop = loop
        self._port = port
        self._on_response = on_response
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._waits = False
        self._started = 0.0

    async def open(self) -> None:
        await self._loop.create_connection(lambda: self, HOST, self._port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, *, due: float = 0.0) -> None:
        self._started = due or time.perf_counter()
        self._waits = True
        if self._transport is None:
            self._reopening = self._loop.create_task(self._reopen_and_send(request))
        else:
            self._transport.write(request)

    async def _reopen_and_send(self, request: bytes) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self.open()
        except (OSError, TimeoutError):
            self._finish(b"")
            return
        assert self._transport is not None
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        end = data.find(b"\r\n\r\n")
        head = data[:end].lower()
        if end < 0 or not is_complete(head, data, end + 4):
            self._received = data
            return
        self._received = b""
        if b"\nconnection: close" in head:
            self._close()
        self._finish(data[9:12])

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        if self._waits:
            self._finish(b"")

    def _close(self) -> None:
        assert self._transport is not None
        # The end of the old connection must not be taken for the end of the next one.
        self._transport.set_protocol(asyncio.Protocol())
        self._transport.close()
        self._transport = None

    def _finish(self, status: bytes) -> None:
        self._waits = False
        self._received = b""
        self._on_response(self, status, self._started)


def is_complete(head: bytes, data: bytes, body: int) -> bool:
    """Whether the response has arrived whole; its body begins at that index."""
    found = head.find(b"\ncontent-length:")
    if found >= 0:
        line_end = head.find(b"\r", found)
        length = int(head[found + 16 : line_end if line_end >= 0 else None])
        return len(data) >= body + length
    return b"\ntransfer-encoding: chunked" not in head or data.endswith(b"0\r\n\r\n")


def quantile(ordered: Sequence[float], q: float) -> float:
    """The value that a share ``q`` of the values does not exceed."""
    return ordered[max(math.ceil(q * len(ordered)) - 1, 0)] if ordered else 0.0


def main() -> None:
    load = Load(**json.load(sys.stdin))
    gc.disable()

    async def run() -> LoadResult:
        return await Generator(load).run()

    result = uvloop.run(run())
    json.dump(dataclasses.asdict(result), sys.stdout)


if __name__ == "__main__":
    main()
