"""Calling a neighbour: the one place where this process speaks HTTP to another.

`Upstream` picks a replica per request, gives the whole call one deadline, tries a second time
only where that can do no harm, and leaves a neighbour alone that keeps failing. What the
neighbour answers, 4xx and 5xx too, is returned; that it did not answer is raised. Nothing above
this module knows which HTTP engine is underneath.
"""

import asyncio
import json as jsonlib
import math
import random
import ssl
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar, cast

import httpx2
from pydantic import BaseModel, SecretStr, ValidationError

from app.balancing import Balancer, Replica, Turn
from app.discovery import discover
from app.errors import Unavailable
from app.resilience import Breaker, RetryBudget, full_jitter
from app.telemetry.context import NOBODY, REQUEST_ID_HEADER, TIMEOUT_HEADER, current
from app.telemetry.metrics import Metrics

CONNECT_TIMEOUT = 0.25
POOL_TIMEOUT = 0.1
LEAST_BUDGET = 0.02
"""Seconds below which a try is not worth starting."""
FIRST_TRY_SHARE = 0.6
"""How much of the time the first try may use when another replica could be asked after it."""
MAX_ANSWER_BYTES = 8 * 1024 * 1024
LIMITS = httpx2.Limits(max_connections=512, max_keepalive_connections=64, keepalive_expiry=20.0)

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}
)
"""Headers about one connection, never passed on (RFC 9110, 7.6.1)."""
_SET_HERE = frozenset(
    {"host", "content-length", "accept-encoding", "expect", "x-service-token"}
    | {"traceparent", "tracestate", REQUEST_ID_HEADER, TIMEOUT_HEADER}
)

Headers = httpx2.Headers
Transport = httpx2.AsyncBaseTransport
Params = Mapping[str, str | int | Sequence[str]]
ReadT = TypeVar("ReadT", bound=BaseModel)


class UpstreamError(Unavailable):
    """A neighbour gave no usable answer; `upstream` is its name."""

    type = "upstream-unavailable"
    title = "A neighbour is not available"
    outcome: ClassVar[str] = "error"

    def __init__(
        self,
        upstream: str,
        reason: str,
        *,
        retry_after: int = 1,
        unsent: bool = False,
        unanswered: bool = False,
        blameless: bool = False,
    ) -> None:
        super().__init__(f"'{upstream}' is not available: {reason}", retry_after=retry_after)
        self.upstream = upstream
        self.unsent = unsent  # it surely saw nothing of the request
        self.unanswered = unanswered  # a kept connection closed before a byte of an answer
        self.blameless = blameless  # the cause is on our side: not held against it


class UpstreamTimeout(UpstreamError):
    """It did not answer, or not completely, within the time this call had."""

    outcome = "timeout"


class UpstreamBroken(UpstreamError):
    """It answered something that cannot be used: cut off, badly framed, not what was agreed."""

    outcome = "broken"


class UpstreamRefused(UpstreamError):
    """Nobody took the request: no connection, or no replica known."""

    outcome = "refused"


class BreakerOpen(UpstreamRefused):
    """It failed so often that it is left alone for some seconds; nothing was sent."""

    outcome = "breaker_open"


@dataclass(frozen=True, slots=True)
class Answer:
    """A neighbour's complete answer, whatever its status."""

    upstream: str
    status_code: int
    headers: Headers
    content: bytes

    def json(self) -> Any:
        """Return the body's JSON. Raises `UpstreamBroken` if it is none."""
        try:
            return jsonlib.loads(self.content)
        except ValueError as error:
            raise UpstreamBroken(self.upstream, "its answer is not JSON.") from error

    def read(self, model: type[ReadT]) -> ReadT:
        """Return the body as the model. Raises `UpstreamBroken` if it does not fit."""
        try:
            return model.model_validate_json(self.content)
        except ValidationError as error:
            raise UpstreamBroken(self.upstream, "its answer is not what was agreed.") from error


def raise_for_problem(answer: Answer) -> Answer:
    """Return a good answer (below 400); raise `UpstreamBroken` or `UpstreamRefused` for others.

    For callers to whom no refusal is part of the conversation: look at `status_code` first for
    those that are.
    """
    if answer.status_code < 400:
        return answer
    if answer.status_code in (429, 503):
        raise UpstreamRefused(
            answer.upstream,
            "it is too busy or lacks something itself.",
            retry_after=_retry_after(answer.headers),
        )
    raise UpstreamBroken(answer.upstream, f"it answered {answer.status_code}.")


class StreamedAnswer:
    """An answer whose body is still coming."""

    def __init__(
        self,
        upstream: str,
        response: httpx2.Response,
        *,
        limit: Callable[[], float],
        until_closed: ExitStack,
    ) -> None:
        self.upstream = upstream
        self.status_code = response.status_code
        self.headers = _end_to_end(response.headers)
        self._response = response
        self._limit = limit
        self._until_closed = until_closed

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes.

        Raises `UpstreamError` if it is cut off or too slow: a body that ended is whole.
        """
        body = cast(AsyncGenerator[bytes], aiter(_body(self._response)))
        async with aclosing(body):
            while True:
                with _translated(self.upstream):
                    async with asyncio.timeout(self._limit()):
                        chunk = await anext(body, None)
                if chunk is None:
                    return
                yield chunk

    async def aclose(self) -> None:
        with self._until_closed:
            await self._response.aclose()


AnsweredT = TypeVar("AnsweredT", Answer, StreamedAnswer)


@dataclass(frozen=True, slots=True)
class _Call:
    """What is asked, the same for every try."""

    method: str
    path: str
    params: Params | None
    headers: Sequence[tuple[str, str]]
    content: bytes
    idempotent: bool
    ends_at: float
    lasting: bool = False
    """Whether the answer may go on after `ends_at` (an event stream)."""


@dataclass(slots=True)
class _Verdict:
    """How a try ended: for the metrics, and for or against the neighbour."""

    outcome: str = "cancelled"
    success: bool | None = None

    def from_status(self, status: int, headers: Headers) -> None:
        if status < 400:
            self.outcome, self.success = "ok", True
        elif _is_shed(status, headers):
            self.outcome = "shed"
        elif status < 500:
            self.outcome, self.success = "client_error", True
        else:
            self.outcome, self.success = "server_error", False


class Upstream:
    """One neighbour: opened in a service's lifespan, shared by all its requests.

    `url` is `http://host:port`, `dns+http://host:port` (all its addresses) or `file:/path`.
    `timeout` is the longest a call may take in seconds, tries and pauses included; the caller's
    own deadline shortens it. `transport` replaces the network, for tests.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        metrics: Metrics,
        service_tokens: Sequence[SecretStr] = (),
        timeout: float = 2.5,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self._timeout = timeout
        self._service_tokens = service_tokens
        self._transport = transport or _network()
        self._clock = clock
        self._rng = rng or random.Random()
        self._pause = pause
        self._discovery = discover(url)
        self._balancer = Balancer(clock, self._rng)
        self._breaker = Breaker(clock, self._rng)
        self._budget = RetryBudget(clock)
        self._metrics = metrics
        metrics.client_retries.labels(name)  # zero is an answer too
        metrics.client_breaker_open.labels(name).set_function(lambda: not self._breaker.closed)

    async def __aenter__(self) -> Self:
        await self._discovery.__aenter__()
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)
        await self._discovery.__aexit__(kind, error, trace)

    @property
    def available(self) -> bool:
        """Whether a call would be tried: a replica is known and the breaker lets calls pass."""
        return bool(self._discovery.endpoints()) and self._breaker.seconds_open == 0

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: str | None = None,
        as_service: bool = False,
        idempotent: bool | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Ask and return the whole answer, 4xx and 5xx too.

        `bearer` acts for the caller it belongs to, `as_service` for nobody. `idempotent` calls
        may be made twice; by default those whose method says so or that carry an
        `Idempotency-Key`. `timeout` in seconds replaces the upstream's own.
        Raises `UpstreamError`.
        """
        if json is not None:
            content = jsonlib.dumps(json, separators=(",", ":"), allow_nan=False).encode()
            headers = {"content-type": "application/json", **(headers or {})}
        call = self._call(
            method,
            path,
            params=params,
            headers=headers,
            content=content,
            bearer=bearer,
            as_service=as_service,
            idempotent=idempotent,
            timeout=timeout,
        )
        return await self._persist(call, self._fetch)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: str | None = None,
        idempotent: bool | None = None,
        timeout: float | None = None,
        idle: float | None = None,
    ) -> AsyncIterator[StreamedAnswer]:
        """Ask and hand out the answer as soon as its head is there, to pass its body on.

        Head and body share one deadline as in `request`. With `idle` the body may take for
        ever (an event stream) as long as no gap in it is longer than so many seconds. Failures
        are tried again only until the head is there, answers with 5xx never.
        Raises `UpstreamError`, in the middle of the body too.
        """
        call = self._call(
            method,
            path,
            params=params,
            headers=headers,
            content=content,
            bearer=bearer,
            as_service=False,
            idempotent=idempotent,
            timeout=timeout,
            lasting=idle is not None,
        )
        answer = await self._persist(call, partial(self._open, idle=idle))
        try:
            yield answer
        finally:
            await answer.aclose()

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Params | None,
        headers: Mapping[str, str] | None,
        content: bytes | None,
        bearer: str | None,
        as_service: bool,
        idempotent: bool | None,
        timeout: float | None,
        lasting: bool = False,
    ) -> _Call:
        if not path.startswith("/"):
            # "http://replica" + "@elsewhere" would be a request to somebody else.
            raise ValueError(f"a path starts with a slash: {path!r}")
        sent = [(key, value) for key, value in _items(headers) if _may_pass(key)]
        if bearer is not None:
            sent.append(("authorization", f"Bearer {bearer}"))
        if as_service:
            sent.append(("x-service-token", self._service_tokens[0].get_secret_value()))
        if idempotent is None:
            keyed = any(key.lower() == "idempotency-key" for key, _ in sent)
            idempotent = method in IDEMPOTENT or keyed
        return _Call(
            method=method,
            path=path,
            params=params,
            headers=sent,
            content=content or b"",
            idempotent=idempotent,
            ends_at=self._clock() + _shorter_of(timeout or self._timeout),
            lasting=lasting,
        )

    async def _persist(
        self, call: _Call, attempt: Callable[[_Call, Turn, float], Awaitable[AnsweredT]]
    ) -> AnsweredT:
        """Make one try, and one more where that is safe and within the budget."""
        self._budget.count_request()
        self._balancer.update(self._discovery.endpoints())
        limit = self._first_limit(call)
        turn = self._next_turn()
        try:
            answer = await attempt(call, turn, limit)
            pause = self._pause_after_answer(call, answer)
            if pause is None:
                return answer
        except UpstreamError as error:
            pause = self._pause_after_error(call, error)
            if pause is None:
                raise
        self._metrics.client_retries.labels(self.name).inc()
        await self._pause(pause)
        limit = self._time_left(call)
        return await attempt(call, self._next_turn(avoid=turn.replica), limit)

    def _pause_after_error(self, call: _Call, error: UpstreamError) -> float | None:
        """Return the seconds until the second try, or None if there must not be one."""
        elsewhere = len(self._balancer) > 1
        if error.unsent and elsewhere:
            return 0.0  # nobody saw it: asking another is still the first time
        if not call.idempotent or error.blameless:
            return None
        if error.unanswered:
            return 0.0  # the neighbour closed a kept connection just as we used it
        return self._pause_within_budget(call)

    def _pause_after_answer(self, call: _Call, answer: Answer | StreamedAnswer) -> float | None:
        if isinstance(answer, StreamedAnswer) or answer.status_code < 500 or not call.idempotent:
            return None
        return self._pause_within_budget(call)

    def _pause_within_budget(self, call: _Call) -> float | None:
        pause = full_jitter(self._rng)
        in_time = call.ends_at - self._clock() > pause + LEAST_BUDGET
        return pause if in_time and self._budget.spend() else None

    def _next_turn(self, avoid: Replica | None = None) -> Turn:
        turn = self._balancer.pick(avoid=avoid)
        if turn is None:
            raise UpstreamRefused(self.name, "no replica of it is ready.", blameless=True)
        return turn

    def _first_limit(self, call: _Call) -> float:
        left = self._time_left(call)
        elsewhere = len(self._balancer) > 1
        return left * FIRST_TRY_SHARE if call.idempotent and elsewhere else left

    def _time_left(self, call: _Call) -> float:
        left = call.ends_at - self._clock()
        if left < LEAST_BUDGET:
            raise UpstreamTimeout(self.name, "no time is left to ask it.", blameless=True)
        return left

    async def _fetch(self, call: _Call, turn: Turn, limit: float) -> Answer:
        with turn.replica.busy(), self._counted(turn) as verdict, _translated(self.name):
            async with asyncio.timeout(limit):
                response = await self._send(call, turn.replica, limit)
                try:
                    content = await self._read_all(response)
                finally:
                    await response.aclose()
            verdict.from_status(response.status_code, response.headers)
        headers = _end_to_end(response.headers)
        return Answer(self.name, response.status_code, headers, content)

    async def _open(
        self, call: _Call, turn: Turn, limit: float, *, idle: float | None
    ) -> StreamedAnswer:
        with ExitStack() as until_closed:
            until_closed.enter_context(turn.replica.busy())
            with self._counted(turn) as verdict, _translated(self.name):
                async with asyncio.timeout(limit):
                    response = await self._send(call, turn.replica, limit)
                verdict.from_status(response.status_code, response.headers)
            return StreamedAnswer(
                self.name,
                response,
                limit=lambda: call.ends_at - self._clock() if idle is None else idle,
                until_closed=until_closed.pop_all(),
            )

    async def _send(self, call: _Call, replica: Replica, limit: float) -> httpx2.Response:
        connection = _Connection()
        request = httpx2.Request(
            call.method,
            replica.url + call.path,
            params=call.params,
            headers=[*call.headers, *_context_headers(None if call.lasting else limit)],
            content=call.content,
            extensions={
                "timeout": {"connect": CONNECT_TIMEOUT, "pool": POOL_TIMEOUT},
                "trace": connection.trace,
            },
        )
        try:
            response = await self._transport.handle_async_request(request)
        except (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError) as error:
            raise UpstreamBroken(
                self.name, "it hung up without an answer.", unanswered=connection.was_kept
            ) from error
        if _end_is_unknowable(response):
            await response.aclose()
            raise UpstreamBroken(self.name, "its answer does not say where it ends.")
        return response

    async def _read_all(self, response: httpx2.Response) -> bytes:
        # As sent, never decompressed: we ask for no compression, so a bomb stays small.
        received = bytearray()
        async for chunk in _body(response):
            received += chunk
            if len(received) > MAX_ANSWER_BYTES:
                raise UpstreamBroken(self.name, "its answer is too long.")
        return bytes(received)

    @contextmanager
    def _counted(self, turn: Turn) -> Iterator[_Verdict]:
        """Let one try pass the breaker, and tell everybody who counts how it ended."""
        permit = self._breaker.enter()
        if permit is None:
            self._balancer.report(turn, success=None)
            raise BreakerOpen(
                self.name,
                "it failed too often and is left alone.",
                retry_after=max(1, math.ceil(self._breaker.seconds_open)),
                blameless=True,
            )
        verdict = _Verdict()
        started = self._clock()
        try:
            yield verdict
        except UpstreamError as error:
            verdict.outcome = error.outcome
            verdict.success = None if error.blameless else False
            raise
        finally:
            self._breaker.leave(permit, success=verdict.success)
            self._balancer.report(turn, success=verdict.success)
            elapsed = self._clock() - started
            self._metrics.client_duration.labels(self.name, verdict.outcome).observe(elapsed)


class _Connection:
    """Hears from the engine whether it opened a connection for a request or used a kept one."""

    def __init__(self) -> None:
        self.was_kept = True

    async def trace(self, event: str, _: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.started":
            self.was_kept = False


@contextmanager
def _translated(upstream: str) -> Iterator[None]:
    """Turn the engine's errors into ours, once, here."""
    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        raise UpstreamRefused(upstream, "no connection could be made.", unsent=True) from error
    except httpx2.PoolTimeout as error:
        raise UpstreamRefused(
            upstream, "all connections to it are in use.", blameless=True
        ) from error
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise UpstreamTimeout(upstream, "it did not answer in time.") from error
    except httpx2.TransportError as error:
        raise UpstreamBroken(upstream, "its answer was cut off.") from error


def _network() -> Transport:
    # Neighbours are plain http inside one trust zone; an empty context saves loading the
    # machine's certificates at each start and trusts nobody should https ever appear.
    return httpx2.AsyncHTTPTransport(
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False, limits=LIMITS
    )


def _context_headers(limit: float | None) -> Iterator[tuple[str, str]]:
    """What a neighbour should know of the request this call is made for."""
    yield "accept-encoding", "identity"
    if limit is not None:
        yield TIMEOUT_HEADER, str(int(limit * 1000))
    context = current()
    if context is NOBODY:
        return
    yield REQUEST_ID_HEADER, context.request_id
    yield "traceparent", context.traceparent
    if context.tracestate is not None:
        yield "tracestate", context.tracestate


def _shorter_of(timeout: float) -> float:
    deadline = current().deadline
    return timeout if deadline is None else min(timeout, deadline.remaining())


def _items(headers: Mapping[str, str] | None) -> Sequence[tuple[str, str]]:
    return tuple(headers.items()) if headers else ()


def _may_pass(header: str) -> bool:
    return header.lower() not in HOP_BY_HOP | _SET_HERE


def _end_to_end(headers: Headers) -> Headers:
    return Headers([(key, value) for key, value in headers.multi_items() if _not_hop(key)])


def _not_hop(header: str) -> bool:
    return header.lower() not in HOP_BY_HOP


def _body(response: httpx2.Response) -> httpx2.AsyncByteStream:
    return cast(httpx2.AsyncByteStream, response.stream)


def _end_is_unknowable(response: httpx2.Response) -> bool:
    """Whether the body would end with the connection, so that a cut one looked whole."""
    from_network = "network_stream" in response.extensions
    has_body = response.status_code not in (204, 304)
    framed = "content-length" in response.headers or "transfer-encoding" in response.headers
    return from_network and has_body and not framed


def _is_shed(status: int, headers: Headers) -> bool:
    """A replica that sheds load is well and says so: no reason to think badly of it."""
    return status == 429 or (status == 503 and "retry-after" in headers)


def _retry_after(headers: Headers) -> int:
    value = headers.get("retry-after", "")
    return min(int(value), 3600) if value.isascii() and value.isdigit() else 1
