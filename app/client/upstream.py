"""Which replica is asked, for how long, and when once more.

The whole call has one deadline. As long as nobody took it, it is offered to every replica there
is. A second try of what somebody took is made only where it can do no harm, and a neighbour that
keeps failing is left alone. What it answers, 4xx and 5xx too, is returned; that it did not
answer, or nothing that can be used, is raised.
"""

import asyncio
import json as jsonlib
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from prometheus_client import Histogram
from pydantic import SecretStr

from app.client.buffers import Buffers
from app.client.call import Call, CallOptions, compose
from app.client.discovery import discover
from app.client.errors import (
    BreakerOpen,
    ConnectTimeout,
    OutOfTime,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from app.client.load_balancing import LoadBalancer, Outcome, Pick, Replica
from app.client.resilience import CircuitBreaker, Permit, RetryBudget, full_jitter
from app.client.responses import Check, StreamedResponse, UpstreamResponse, is_shed
from app.client.transport import (
    CONNECT_TIMEOUT,
    Headers,
    Transport,
    TransportResponse,
    UpstreamTransport,
)
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics

MIN_BUDGET = 0.02
"""Seconds below which a try is not worth starting."""
FIRST_TRY_SHARE = 0.6
"""How much of the time the first try may use when another replica could be asked after it."""
PROBE_SECONDS = 0.5
"""How long a replica that was left out may take for the call it comes back with: it may hang, and
the call still has another replica to go to."""
FAIR_SECONDS = 0.4
"""A neighbour that was given less, because its caller was in a hurry, is not blamed for silence."""
FAIR_SHARE = 0.5
"""The same for calls that are short of themselves: the share of their time that is enough."""
LOOK_SECONDS = 1.0
"""How long to look again for a replica when each that is known refused: a restarted one is back,
or its successor known, within a second or not within any call's time."""
LOOK_SHARE = 0.5
"""The share of a call's time that may go into looking."""
MAX_STREAMS = 256
"""Event streams at once to one neighbour."""
LOG_SECONDS = 1.0
"""Between two lines about the same kind of failure of one neighbour."""

ResponseT = TypeVar("ResponseT", UpstreamResponse, StreamedResponse)
Attempt = Callable[[Call, Pick, float, float], Awaitable[ResponseT]]
"""One try: of this call, at this pick, within so many seconds, so many of them to connect."""


@dataclass(slots=True)
class _TryResult:
    """How a try ended: for the metrics, and what it says about the replica."""

    label: str = "cancelled"
    outcome: Outcome | None = None
    reason: str = ""

    def judge(self, status_code: int, headers: Headers) -> None:
        if status_code < 400:
            self.label, self.outcome = "ok", Outcome.ANSWERED
        elif is_shed(status_code, headers):
            self.label = "shed"
        elif status_code < 500:
            # Whatever a stranger sent: refusing it well is the neighbour's work.
            self.label, self.outcome = "client_error", Outcome.ANSWERED
        else:
            self.label, self.outcome = "server_error", Outcome.FAILED
            self.reason = f"it answered {status_code}."

    def blame(self, error: UpstreamError) -> None:
        self.label, self.reason = error.outcome, error.reason
        if error.blameless:
            return
        if error.unsent:
            self.outcome = Outcome.ABSENT
        elif isinstance(error, UpstreamTimeout):
            self.outcome = Outcome.SILENT
        else:
            self.outcome = Outcome.FAILED

    @property
    def success(self) -> bool | None:
        """For or against the neighbour as a whole. One absent replica says nothing about it."""
        if self.outcome in (None, Outcome.ABSENT):
            return None
        return self.outcome is Outcome.ANSWERED


@dataclass(slots=True)
class _Offer:
    """A call on its way to somebody who takes it; `seconds` says how long it may take then."""

    seconds: Callable[[Call], float]
    avoid: Replica | None = None
    asked: Replica | None = None
    looking_until: float | None = None


class Upstream:
    """One neighbour: opened in a service's lifespan, shared by all its requests.

    `url` is `http://host:port`, `dns+http://host:port` (all its addresses) or `file:/path`.
    `timeout` is the longest a call may take in seconds, tries and pauses included; the caller's
    own deadline shortens it. At most `max_streams` event streams are open at once, beside the
    requests. `transport` replaces the network, for tests.
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
        self._rng = rng
        self._pause = pause
        self._metrics = metrics
        self._durations: dict[str, Histogram] = {}  # by outcome
        self._retries = metrics.client_retries.labels(name)
        self._ejections = {
            outcome: metrics.client_ejections.labels(name, outcome.value)
            for outcome in (Outcome.FAILED, Outcome.SILENT, Outcome.ABSENT)
        }
        self._engine = UpstreamTransport(name, transport, max_streams=max_streams)
        self._buffers = Buffers(name)
        self._logged_at: dict[str, float] = {}  # by outcome
        self._discovery = discover(url)
        self._balancer = LoadBalancer(clock, rng)
        self._breaker = CircuitBreaker(clock, rng)
        self._budget = RetryBudget(clock)
        self._open = AsyncExitStack()
        metrics.client_breaker_open.labels(name).set_function(lambda: not self._breaker.closed)

    async def __aenter__(self) -> Self:
        await self._open.enter_async_context(self._discovery)
        await self._open.enter_async_context(self._engine)
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
        """Whether a call would be tried: a replica is known and the breaker lets calls pass."""
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
        """Ask and return the whole answer, 4xx and 5xx too. Raises `UpstreamError`.

        `check` looks at each answer that is no failure already: what it does not take becomes
        one, like an answer that was cut off.
        """
        if json is not None:
            options["content"] = jsonlib.dumps(json, separators=(",", ":")).encode()
            options["headers"] = {
                "content-type": "application/json",
                **(options.get("headers") or {}),
            }
        call = self._call(method, path, options, endless=False)
        return await self._send_with_retry(call, partial(self._fetch, check=check))

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, idle: float | None = None, **options: Unpack[CallOptions]
    ) -> AsyncIterator[StreamedResponse]:
        """Ask and hand out the answer as soon as its head is there, to pass its body on.

        Head and body share one deadline. With `idle` the body may go on for ever (events) as
        long as no gap in it is longer than so many seconds. Once the head is there nothing is
        tried again, whatever its status. Raises `UpstreamError`, amid the body too.
        """
        call = self._call(method, path, options, endless=idle is not None)
        answer = await self._send_with_retry(call, partial(self._start, idle=idle))
        try:
            yield answer
        finally:
            await answer.aclose()

    def _call(self, method: str, path: str, options: CallOptions, *, endless: bool) -> Call:
        token = self._service_tokens[0].get_secret_value() if options.get("as_service") else None
        return compose(
            method,
            path,
            options,
            service_token=token,
            now=self._clock(),
            timeout=self._timeout,
            endless=endless,
        )

    async def _send_with_retry(self, call: Call, attempt: Attempt[ResponseT]) -> ResponseT:
        """Make one try, and one more where that is safe and within the budget."""
        self._budget.count_request()
        offer = _Offer(self._seconds_for_first_try)
        try:
            answer = await self._send_until_accepted(call, attempt, offer)
            pause = self._pause_after_answer(call, answer)
            if pause is None:
                return answer
        except UpstreamError as error:
            pause = self._pause_after_error(call, error)
            if pause is None:
                raise
        self._retries.inc()
        await self._pause(pause)
        second_offer = _Offer(self._seconds_left, offer.asked)
        return await self._send_until_accepted(call, attempt, second_offer)

    async def _send_until_accepted(
        self, call: Call, attempt: Attempt[ResponseT], offer: _Offer
    ) -> ResponseT:
        """Ask one replica after the other until one takes the call.

        Whoever refuses saw nothing of it: asking the next is still the first time, whatever the
        method. It costs no budget, since an address that refused is left out by all calls for a
        while: refusals grow with the number of addresses, not with the number of calls.
        """
        refused: list[Replica] = []
        while True:
            self._balancer.update(self._discovery.endpoints())
            seconds = offer.seconds(call)
            pick = self._next_pick(call, avoid=offer.avoid, refused=refused)
            offer.asked = pick.replica
            if pick.probe and call.idempotent and self._balancer.can_spare(pick.replica):
                seconds = min(seconds, PROBE_SECONDS)
            connect_seconds = self._seconds_to_connect(seconds, refused)
            try:
                return await attempt(call, pick, seconds, connect_seconds)
            except UpstreamError as error:
                if not error.unsent:
                    raise
                refused.append(pick.replica)
                if not self._balancer.count_beside(refused):
                    await self._look_again(call, offer, error)
                    refused.clear()

    def _next_pick(self, call: Call, *, avoid: Replica | None, refused: Sequence[Replica]) -> Pick:
        pick = self._balancer.pick(avoid=avoid, without=refused, repeatable=call.idempotent)
        if pick is None:
            raise UpstreamRefused(self.name, "no replica of it is ready.", blameless=True)
        return pick

    async def _look_again(self, call: Call, offer: _Offer, refusal: UpstreamError) -> None:
        """Wait a little, since every replica known refused; one address may stand for many (a
        Kubernetes Service), and the list may be old. Raises the refusal when that was enough.

        This does come out of the budget: here every call of a neighbour that is down would look.
        """
        now = self._clock()
        if offer.looking_until is None:
            offer.looking_until = now + min(LOOK_SECONDS, LOOK_SHARE * (call.ends_at - now))
        pause = full_jitter(self._rng)
        if now + pause > offer.looking_until or not self._budget.spend():
            if not refusal.blameless:
                self._count_refusal()
            raise refusal
        self._retries.inc()
        self._discovery.look_again()
        await self._pause(pause)

    def _count_refusal(self) -> None:
        """Count against the neighbour that nobody of it took a call, once a call."""
        permit = self._breaker.enter()
        if permit is not None:
            self._leave_breaker(permit, success=False)

    def _pause_after_error(self, call: Call, error: UpstreamError) -> float | None:
        """Return the seconds until the second try, or None if there must not be one."""
        if error.unsent or not call.idempotent:
            return None
        if error.unanswered:
            return 0.0  # most likely the neighbour closed a kept connection just as we used it
        if error.blameless and not isinstance(error, OutOfTime):
            return None
        return self._pause_within_budget(call)

    def _pause_after_answer(
        self, call: Call, answer: UpstreamResponse | StreamedResponse
    ) -> float | None:
        if isinstance(answer, StreamedResponse) or answer.status_code < 500 or not call.idempotent:
            return None
        if "retry-after" in answer.headers:
            return None  # it asks for more patience than a call has; whoever called us may wait
        return self._pause_within_budget(call)

    def _pause_within_budget(self, call: Call) -> float | None:
        pause = full_jitter(self._rng)
        in_time = call.ends_at - self._clock() > pause + MIN_BUDGET
        return pause if in_time and self._budget.spend() else None

    def _seconds_for_first_try(self, call: Call) -> float:
        left = self._seconds_left(call)
        has_others = self._balancer.count_beside(()) > 1
        return left * FIRST_TRY_SHARE if call.idempotent and has_others else left

    def _seconds_left(self, call: Call) -> float:
        left = call.ends_at - self._clock()
        if left < MIN_BUDGET:
            raise OutOfTime(self.name, "no time is left to ask it.")
        return left

    def _seconds_to_connect(self, seconds: float, refused: Sequence[Replica]) -> float:
        """All the time a connection may take; what is left is shared when one was refused."""
        if not refused:
            return CONNECT_TIMEOUT
        return min(CONNECT_TIMEOUT, seconds / max(1, self._balancer.count_beside(refused)))

    async def _fetch(
        self, call: Call, pick: Pick, seconds: float, connect_seconds: float, *, check: Check | None
    ) -> UpstreamResponse:
        ends_at = self._clock() + seconds
        with pick.replica.busy(), self._counted(call, pick, seconds) as result:
            response = await self._send(call, pick.replica, seconds, connect_seconds)
            try:
                content = await self._buffers.read(
                    response, seconds_left=lambda: ends_at - self._clock()
                )
            finally:
                await response.aclose()
            answer = UpstreamResponse(self.name, response.status_code, response.headers, content)
            result.judge(answer.status_code, answer.headers)
            if check is not None and result.success:
                check(answer)
        return answer

    async def _start(
        self, call: Call, pick: Pick, seconds: float, connect_seconds: float, *, idle: float | None
    ) -> StreamedResponse:
        def to_deadline() -> float:
            return call.ends_at - self._clock()

        with ExitStack() as until_closed:
            until_closed.enter_context(pick.replica.busy())
            with self._counted(call, pick, seconds) as result:
                response = await self._send(call, pick.replica, seconds, connect_seconds)
                result.judge(response.status_code, response.headers)
            return StreamedResponse(
                self.name,
                response,
                buffers=self._buffers,
                seconds_left=to_deadline if idle is None else lambda: idle,
                seconds_to_deadline=to_deadline,
                until_closed=until_closed.pop_all(),
            )

    async def _send(
        self, call: Call, replica: Replica, seconds: float, connect_seconds: float
    ) -> TransportResponse:
        return await self._engine.send(
            call.method,
            replica.url + call.path,
            params=call.params,
            headers=call.headers_within(seconds),
            content=call.content,
            seconds=seconds,
            connect_seconds=connect_seconds,
            endless=call.endless,
        )

    @contextmanager
    def _counted(self, call: Call, pick: Pick, seconds: float) -> Iterator[_TryResult]:
        """Let one try pass the breaker, and tell everybody who counts how it ended."""
        permit = self._breaker.enter()
        if permit is None:
            self._balancer.report(pick, None)
            raise self._left_alone()
        result = _TryResult()
        started = self._clock()
        try:
            yield result
        except UpstreamError as error:
            judged = _blamed_fairly(error, seconds=seconds, expected=call.timeout)
            result.blame(judged)
            if judged is error:
                raise
            raise judged from error
        except asyncio.CancelledError:
            if self._clock() - started >= seconds:
                # Whoever asked has the same deadline, and was first to look at the clock.
                late = UpstreamTimeout(self.name, "it did not answer in time.")
                result.blame(_blamed_fairly(late, seconds=seconds, expected=call.timeout))
            raise
        finally:
            self._leave_breaker(permit, success=result.success)
            self._observe(result.label, self._clock() - started)
            left_out_for = self._balancer.report(pick, result.outcome)
            self._log(result, pick.replica, left_out_for)

    def _leave_breaker(self, permit: Permit, *, success: bool | None) -> None:
        was_closed = self._breaker.closed
        self._breaker.leave(permit, success=success)
        if was_closed != self._breaker.closed:
            happened = "closed" if self._breaker.closed else "opened"
            get_logger().warning(f"upstream.breaker_{happened}", upstream=self.name)

    def _log(self, result: _TryResult, replica: Replica, left_out_for: float | None) -> None:
        if left_out_for is not None and result.outcome is not None:
            self._ejections[result.outcome].inc()
            get_logger().warning(
                "upstream.replica_left_out",
                upstream=self.name,
                replica=replica.url,
                outcome=result.label,
                reason=result.reason,
                seconds=left_out_for,
            )
        elif result.reason and self._may_log(result.label):
            get_logger().warning(
                "upstream.try_failed",
                upstream=self.name,
                replica=replica.url,
                outcome=result.label,
                reason=result.reason,
            )

    def _may_log(self, label: str) -> bool:
        """Whether this kind of failure was not logged just now: there may be many at once."""
        now = self._clock()
        if now - self._logged_at.get(label, float("-inf")) < LOG_SECONDS:
            return False
        self._logged_at[label] = now
        return True

    def _observe(self, outcome: str, seconds: float) -> None:
        child = self._durations.get(outcome)
        if child is None:
            child = self._metrics.client_duration.labels(self.name, outcome)
            self._durations[outcome] = child
        child.observe(seconds)

    def _left_alone(self) -> BreakerOpen:
        return BreakerOpen(
            self.name,
            "it failed too often and is left alone.",
            retry_after=max(1, math.ceil(self._breaker.seconds_open)),
            blameless=True,
        )


def _blamed_fairly(error: UpstreamError, *, seconds: float, expected: float) -> UpstreamError:
    """The error, or that there was no time, if it was one of waiting and `seconds` were few."""
    if not isinstance(error, UpstreamTimeout | ConnectTimeout):
        return error
    if seconds >= min(FAIR_SECONDS, FAIR_SHARE * expected):
        return error
    return OutOfTime(error.upstream, "its caller left it too little time.", unsent=error.unsent)
