"""The public client of one upstream.

`retry` decides how often a call is sent and how long each try may take, `try_sender` sends one
try. Whatever the upstream answers is returned, also 4xx and 5xx. No response, or one that cannot
be used, is raised as an `UpstreamError`.
"""

import asyncio
import json as jsonlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self, Unpack

from pydantic import SecretStr

from app.client.call import Call, CallOptions, build_call
from app.client.circuit_breaker import CircuitBreaker
from app.client.discovery import discover
from app.client.load_balancing import LoadBalancer
from app.client.messages import Transport
from app.client.responses import Check, StreamedResponse, UpstreamResponse
from app.client.retry import RetryingSender
from app.client.transport import UpstreamTransport
from app.client.try_sender import TrySender
from app.telemetry.context import current_context
from app.telemetry.metrics import Metrics

MAX_STREAMS = 256
"""Event streams at once to one upstream."""


class Upstream:
    """One upstream: opened in a service's lifespan, shared by all its requests.

    `url` is `http://host:port`, `dns+http://host:port` (all its addresses) or `file:/path`.
    `timeout` is the longest a call may take in seconds, retries and backoff included; the
    caller's own deadline shortens it. At most `max_streams` event streams are open at once,
    beside the requests. `transport` replaces the network, for tests.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        metrics: Metrics,
        service_tokens: Sequence[SecretStr] = (),
        timeout: float = 2.5,
        max_streams: int = MAX_STREAMS,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        rng = rng or random.Random()
        self.name = name
        self._timeout = timeout
        self._service_tokens = service_tokens
        self._clock = clock
        self._transport = UpstreamTransport(name, transport, max_streams=max_streams)
        self._discovery = discover(url)
        self._breaker = CircuitBreaker(clock, rng)
        balancer = LoadBalancer(clock, rng)
        self._tries = TrySender(
            name,
            transport=self._transport,
            balancer=balancer,
            breaker=self._breaker,
            metrics=metrics,
            clock=clock,
        )
        self._sender = RetryingSender(
            name,
            tries=self._tries,
            discovery=self._discovery,
            balancer=balancer,
            retries=metrics.client.retries.labels(name),
            retries_over_budget=metrics.client.retries_over_budget.labels(name),
            clock=clock,
            rng=rng,
            pause=pause,
        )
        self._open = AsyncExitStack()
        metrics.client.breaker_open.labels(name).set_function(lambda: not self._breaker.is_closed)

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self._discovery)
        self._open.push_async_callback(self._transport.aclose)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    @property
    def available(self) -> bool:
        """Whether a call would be sent: a replica is known and the circuit breaker is not open."""
        return bool(self._discovery.endpoints()) and self._breaker.seconds_open == 0

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        check: Check | None = None,
        **options: Unpack[CallOptions],
    ) -> UpstreamResponse:
        """Send and return the whole response, also 4xx and 5xx. Raises `UpstreamError`.

        `check` raises for a response that is not what was agreed. That counts as a failure, like
        a response that was cut off.
        """
        if json is not None:
            options["content"] = jsonlib.dumps(json, separators=(",", ":")).encode()
            options["headers"] = {
                "content-type": "application/json",
                **(options.get("headers") or {}),
            }
        call = self._call(method, path, options, is_event_stream=False)
        with current_context().upstream_wait:
            return await self._sender.send_with_retry(call, partial(self._tries.fetch, check=check))

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        idle_timeout: float | None = None,
        **options: Unpack[CallOptions],
    ) -> AsyncIterator[StreamedResponse]:
        """Send and return the response as soon as its head is here, to pass its body on.

        Head and body share one deadline. With `idle_timeout` the body (an event stream) has no
        end of time, as long as no gap in it is longer than that many seconds. Once the head is
        here nothing is retried, whatever its status. Raises `UpstreamError`, amid the body too.
        """
        call = self._call(method, path, options, is_event_stream=idle_timeout is not None)
        start = partial(self._tries.start_stream, idle_timeout=idle_timeout)
        with current_context().upstream_wait:
            response = await self._sender.send_with_retry(call, start)
            try:
                yield response
            finally:
                await response.aclose()

    def _call(self, method: str, path: str, options: CallOptions, *, is_event_stream: bool) -> Call:
        token = self._service_tokens[0].get_secret_value() if options.get("as_service") else None
        return build_call(
            self.name,
            method,
            path,
            options,
            service_token=token,
            now=self._clock(),
            timeout=self._timeout,
            is_event_stream=is_event_stream,
        )
