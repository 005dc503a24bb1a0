"""HTTP/1.1: uvicorn's protocol with the limits it lacks.

Uvicorn waits for headers without a limit and accepts them at any size. Here headers have a
timeout (408) and a maximum size (431; 414 for the address), and ambiguous requests are refused
(400). A peer that stops reading is disconnected. A connection that has reached its maximum age is
closed after its next response, because only new connections reach new replicas behind a shared
socket.
"""

import asyncio
import json
import random
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Literal, cast

import httptools
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from app.errors import MEDIA_TYPE, BadRequest, Problem, RequestTimeout
from app.process.lifecycle import Lifecycle
from app.process.request_target import UriTooLong, check_length
from app.settings import ServiceSettings
from app.telemetry.context import RequestContext

MAX_HEADERS = 100
AGE_JITTER = 0.25
LINGER = 1.0
"""Seconds a refused peer may go on sending before it is disconnected: closing at once would reset
the connection and could destroy the response on its way."""


class HeadersTooLarge(Problem):
    status = 431
    type = "headers-too-large"
    title = "Headers too large"


@dataclass(frozen=True, slots=True)
class ProtocolLimits:
    """Sizes in bytes, times in seconds."""

    url: int
    headers: int
    header_timeout: float
    write_timeout: float
    connection_max_age: float

    @classmethod
    def of(cls, settings: ServiceSettings) -> "ProtocolLimits":
        return cls(
            url=settings.url_limit,
            headers=settings.header_limit,
            header_timeout=settings.header_timeout,
            write_timeout=settings.write_timeout,
            connection_max_age=settings.connection_max_age,
        )


class HttpProtocol(HttpToolsProtocol):
    """The protocol of one connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: ProtocolLimits,
        lifecycle: Lifecycle,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._lifecycle = lifecycle
        jitter = random.uniform(1 - AGE_JITTER, 1 + AGE_JITTER)
        self._closes_at = self.loop.time() + limits.connection_max_age * jitter
        self._is_reading_headers = False
        self._header_bytes = 0
        self._received_header_bytes = 0
        self._host_count = 0
        self._framing_headers: set[bytes] = set()
        self._refusal: Problem | None = None
        self._is_refused = False
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_header_timer()
        self.resume_writing()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        # A request that is arriving gets its response, with `Connection: close`. On a connection
        # without a request, the first one may be on its way.
        if self._is_reading_headers:
            return
        if self.cycle is None:
            self.loop.call_later(LINGER, self._close_if_unused)
            return
        super().shutdown()

    def _close_if_unused(self) -> None:
        if self.cycle is None and not self._is_reading_headers:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here: answer in HTTP, then close, because the parser has
            # consumed what follows as the other protocol.
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse(self._refusal or BadRequest("This is not a valid HTTP request."))
            return
        if self._is_reading_headers:
            self._wait_for_headers(len(data))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self.loop.call_later(self._limits.write_timeout, self.transport.abort)

    def resume_writing(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    # The parser's callbacks

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_reading_headers = True
        self._header_bytes = 0
        self._received_header_bytes = 0
        self._host_count = 0
        self._framing_headers = set()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        try:
            check_length(self.url, limit=self._limits.url)
        except UriTooLong as problem:
            self._stop_parsing(problem)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value) + len(b": \r\n")
        if self._header_bytes > self._limits.headers or len(self.headers) > MAX_HEADERS:
            self._stop_parsing(self._too_large())
        lowered = self.headers[-1][0]
        if lowered == b"host":
            self._host_count += 1
        elif lowered in (b"content-length", b"transfer-encoding"):
            self._framing_headers.add(lowered)

    def on_headers_complete(self) -> None:
        self._is_reading_headers = False
        self._stop_header_timer()
        if len(self._framing_headers) > 1:
            self._stop_parsing(
                BadRequest("Content-Length and Transfer-Encoding exclude each other.")
            )
        if self._host_count != 1 and self.parser.get_http_version() == "1.1":
            self._stop_parsing(BadRequest("A request names exactly one Host."))
        super().on_headers_complete()
        if self._lifecycle.draining or self.loop.time() >= self._closes_at:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.more_body:
            # The response was sent before the whole body arrived, and nothing reads the rest.
            self.loop.call_later(LINGER, self.transport.close)

    # Refusals, before there is a request for the app

    def _wait_for_headers(self, received: int) -> None:
        """Count what the parser got, because it does not report an unfinished header."""
        self._received_header_bytes += received
        if self._received_header_bytes > self._limits.url + self._limits.headers:
            self._refuse(self._too_large())
        elif self._header_timer is None:
            self._start_header_timer()

    def _too_large(self) -> HeadersTooLarge:
        return HeadersTooLarge(
            f"Headers may have {self._limits.headers} bytes and number {MAX_HEADERS}."
        )

    def _stop_parsing(self, problem: Problem) -> None:
        """Called inside the parser, which replaces any exception by its own."""
        self._refusal = problem
        raise ValueError(problem.type)

    def _start_header_timer(self) -> None:
        self._header_timer = self.loop.call_later(
            self._limits.header_timeout, self._headers_too_late
        )

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _headers_too_late(self) -> None:
        self._header_timer = None
        if self._is_reading_headers:
            self._refuse(RequestTimeout("The request's headers did not arrive in time."))
        else:
            self.transport.close()  # it never sent a byte

    def _refuse(self, problem: Problem) -> None:
        """Send `problem` without the app, then ignore this peer."""
        self._is_refused = True
        self._stop_header_timer()
        if self.transport.is_closing():
            return
        if self._is_responding_to_earlier_request():
            self.cycle.keep_alive = False  # that response is completed, and is the last one
            return
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(_problem_response(problem))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.close)

    def _is_responding_to_earlier_request(self) -> bool:
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        return cycle.response_started or not cycle.more_body


def uvicorn_config(
    app: ASGIApp,
    settings: ServiceSettings,
    lifecycle: Lifecycle,
    *,
    lifespan: Literal["on", "off"],
) -> Config:
    """uvicorn's configuration to serve `app` with this protocol."""
    protocol = partial(HttpProtocol, limits=ProtocolLimits.of(settings), lifecycle=lifecycle)
    return Config(
        app,
        loop="uvloop",
        http=cast(type[HttpProtocol], protocol),
        ws="none",
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        # No proxy is trusted to name the client.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=cast(int, settings.keep_alive),
        timeout_graceful_shutdown=cast(int, settings.drain_grace),
    )


def _problem_response(problem: Problem) -> bytes:
    body = json.dumps(problem.content(RequestContext().request_id)).encode()
    head = (
        f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\n"
        f"content-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\n"
        "cache-control: no-store\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
