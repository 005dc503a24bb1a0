"""Which replica is asked, for how long, and when once more.

The whole call has one deadline. A second try is made only where it can do no harm, and a
neighbour that keeps failing is left alone. What it answers, 4xx and 5xx too, is returned; that
it did not answer is raised.
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

from app.balancing import Balancer, Replica, Turn
from app.client.answers import Answer, StreamedAnswer, is_shed
from app.client.call import Call, CallOptions, compose
from app.client.engine import Engine, Response, Transport
from app.client.errors import (
    BreakerOpen,
    UpstreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
)
from app.discovery import discover
from app.resilience import Breaker, RetryBudget, full_jitter
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics

LEAST_BUDGET = 0.02
"""Seconds below which a try is not worth starting."""
FIRST_TRY_SHARE = 0.6
"""How much of the time the first try may use when another replica could be asked after it."""
MAX_ANSWER_BYTES = 8 * 1024 * 1024

AnsweredT = TypeVar("AnsweredT", Answer, StreamedAnswer)


@dataclass(slots=True)
class _Verdict:
    """How a try ended: for the metrics, and for or against the neighbour."""

    outcome: str = "cancelled"
    success: bool | None = None

    def judge(self, response: Response) -> None:
        if response.status_code < 400:
            self.outcome, self.success = "ok", True
        elif is_shed(response.status_code, response.headers):
            self.outcome = "shed"
        elif response.status_code < 500:
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
        self._engine = Engine(name, transport)
        self._discovery = discover(url)
        self._balancer = Balancer(clock, rng)
        self._breaker = Breaker(clock, rng)
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
        self, method: str, path: str, *, json: Any = None, **options: Unpack[CallOptions]
    ) -> Answer:
        """Ask and return the whole answer, 4xx and 5xx too. Raises `UpstreamError`."""
        if json is not None:
            options["content"] = jsonlib.dumps(json, separators=(",", ":")).encode()
            options["headers"] = {
                "content-type": "application/json",
                **(options.get("headers") or {}),
            }
        call = self._call(method, path, options, endless=False)
        return await self._persist(call, self._fetch)

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, *, idle: float | None = None, **options: Unpack[CallOptions]
    ) -> AsyncIterator[StreamedAnswer]:
        """Ask and hand out the answer as soon as its head is there, to pass its body on.

        Head and body share one deadline. With `idle` the body may go on for ever (events) as
        long as no gap in it is longer than so many seconds. Once the head is there nothing is
        tried again, whatever its status. Raises `UpstreamError`, amid the body too.
        """
        call = self._call(method, path, options, endless=idle is not None)
        answer = await self._persist(call, partial(self._start, idle=idle))
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

    async def _persist(
        self, call: Call, attempt: Callable[[Call, Turn, float], Awaitable[AnsweredT]]
    ) -> AnsweredT:
        """Make one try, and one more where that is safe and within the budget."""
        self._budget.count_request()
        self._balancer.update(self._discovery.endpoints())
        seconds = self._seconds_for_first_try(call)
        turn = self._next_turn()
        try:
            answer = await attempt(call, turn, seconds)
            pause = self._pause_after_answer(call, answer)
            if pause is None:
                return answer
        except UpstreamError as error:
            pause = self._pause_after_error(call, error)
            if pause is None:
                raise
        self._retries.inc()
        await self._pause(pause)
        seconds = self._seconds_left(call)
        return await attempt(call, self._next_turn(avoid=turn.replica), seconds)

    def _pause_after_error(self, call: Call, error: UpstreamError) -> float | None:
        """Return the seconds until the second try, or None if there must not be one."""
        if error.unsent:
            # Nobody saw it: asking is still the first time, whatever the method. One address may
            # stand for many replicas (a Kubernetes Service), of which the next may answer.
            return 0.0 if self._has_others else self._pause_within_budget(call)
        if not call.idempotent or error.blameless:
            return None
        if error.unanswered:
            return 0.0  # most likely the neighbour closed a kept connection just as we used it
        return self._pause_within_budget(call)

    def _pause_after_answer(self, call: Call, answer: Answer | StreamedAnswer) -> float | None:
        if isinstance(answer, StreamedAnswer) or answer.status_code < 500 or not call.idempotent:
            return None
        if "retry-after" in answer.headers:
            return None  # it asks for more patience than a call has; whoever called us may wait
        return self._pause_within_budget(call)

    def _pause_within_budget(self, call: Call) -> float | None:
        pause = full_jitter(self._rng)
        in_time = call.ends_at - self._clock() > pause + LEAST_BUDGET
        return pause if in_time and self._budget.spend() else None

    def _next_turn(self, avoid: Replica | None = None) -> Turn:
        turn = self._balancer.pick(avoid=avoid)
        if turn is None:
            raise UpstreamRefused(self.name, "no replica of it is ready.", blameless=True)
        return turn

    @property
    def _has_others(self) -> bool:
        return len(self._balancer) > 1

    def _seconds_for_first_try(self, call: Call) -> float:
        left = self._seconds_left(call)
        return left * FIRST_TRY_SHARE if call.idempotent and self._has_others else left

    def _seconds_left(self, call: Call) -> float:
        left = call.ends_at - self._clock()
        if left < LEAST_BUDGET:
            raise UpstreamTimeout(self.name, "no time is left to ask it.", blameless=True)
        return left

    async def _fetch(self, call: Call, turn: Turn, seconds: float) -> Answer:
        ends_at = self._clock() + seconds
        with turn.replica.busy(), self._counted(turn) as verdict:
            response = await self._send(call, turn.replica, seconds)
            try:
                content = await self._read_all(response, lambda: ends_at - self._clock())
            finally:
                await response.aclose()
            verdict.judge(response)
        return Answer(self.name, response.status_code, response.headers, content)

    async def _start(
        self, call: Call, turn: Turn, seconds: float, *, idle: float | None
    ) -> StreamedAnswer:
        with ExitStack() as until_closed:
            until_closed.enter_context(turn.replica.busy())
            with self._counted(turn) as verdict:
                response = await self._send(call, turn.replica, seconds)
                verdict.judge(response)
            return StreamedAnswer(
                self.name,
                response,
                seconds_left=lambda: call.ends_at - self._clock() if idle is None else idle,
                until_closed=until_closed.pop_all(),
            )

    async def _send(self, call: Call, replica: Replica, seconds: float) -> Response:
        return await self._engine.send(
            call.method,
            replica.url + call.path,
            params=call.params,
            headers=call.headers_within(seconds),
            content=call.content,
            seconds=seconds,
        )

    async def _read_all(self, response: Response, seconds_left: Callable[[], float]) -> bytes:
        received = bytearray()
        async for part in response.parts(seconds_left=seconds_left):
            received += part
            if len(received) > MAX_ANSWER_BYTES:
                raise UpstreamBroken(self.name, "its answer is too long.")
        return bytes(received)

    @contextmanager
    def _counted(self, turn: Turn) -> Iterator[_Verdict]:
        """Let one try pass the breaker, and tell everybody who counts how it ended."""
        permit = self._breaker.enter()
        if permit is None:
            self._balancer.report(turn, success=None)
            raise self._left_alone()
        verdict = _Verdict()
        started = self._clock()
        try:
            yield verdict
        except UpstreamError as error:
            verdict.outcome = error.outcome
            verdict.success = None if error.blameless else False
            raise
        finally:
            was_closed = self._breaker.closed
            self._breaker.leave(permit, success=verdict.success)
            self._balancer.report(turn, success=verdict.success)
            self._observe(verdict.outcome, self._clock() - started)
            if was_closed != self._breaker.closed:
                happened = "closed" if self._breaker.closed else "opened"
                get_logger().warning(f"upstream.breaker_{happened}", upstream=self.name)

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
