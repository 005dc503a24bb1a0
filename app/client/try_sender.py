"""One try of a call: past the circuit breaker, to one replica, judged, measured and logged."""

import asyncio
import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

from app.client.buffers import Buffers
from app.client.call import Call
from app.client.circuit_breaker import CircuitBreaker, Permit
from app.client.errors import BreakerOpen, UpstreamError, UpstreamTimeout
from app.client.load_balancing import LoadBalancer, Pick, Replica
from app.client.messages import Response
from app.client.responses import Check, StreamedResponse, UpstreamResponse
from app.client.transport import UpstreamTransport
from app.client.try_result import Outcome, TryResult, excuse_short_timeout
from app.telemetry.cells import Histogram
from app.telemetry.log_limit import LogLimit
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics

LOG_SECONDS = 1.0
"""Between two log lines about the same kind of failure of one upstream."""


@dataclass(slots=True)
class TryTimeouts:
    """Seconds a try may take, and how many of them may go into connecting."""

    total: float
    connect: float


class TrySender:
    """Sends tries to the replicas of one upstream and reports how each ended."""

    def __init__(
        self,
        upstream: str,
        *,
        transport: UpstreamTransport,
        balancer: LoadBalancer,
        breaker: CircuitBreaker,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._upstream = upstream
        self._transport = transport
        self._balancer = balancer
        self._breaker = breaker
        self._metrics = metrics
        self._clock = clock
        self._buffers = Buffers(upstream)
        self._log_limit = LogLimit(LOG_SECONDS, clock=clock)
        self._durations: dict[str, Histogram] = {}  # by label
        self._ejections = {
            outcome: metrics.client.ejections.labels(upstream, outcome.value)
            for outcome in (Outcome.FAILED, Outcome.SILENT, Outcome.ABSENT)
        }

    async def fetch(
        self, call: Call, pick: Pick, timeouts: TryTimeouts, *, check: Check | None
    ) -> UpstreamResponse:
        """Send and read the whole response. Raises `UpstreamError`."""
        ends_at = self._clock() + timeouts.total
        with pick.replica.busy(), self._observed(call, pick, timeouts) as result:
            head = await self._send(call, pick.replica, timeouts)
            try:
                content = await self._buffers.read(
                    head, seconds_left=lambda: ends_at - self._clock()
                )
            finally:
                await head.aclose()
            response = UpstreamResponse(self._upstream, head.status_code, head.headers, content)
            result.record_response(response.status_code, response.headers)
            if check is not None and result.success:
                check(response)
        return response

    async def start_stream(
        self, call: Call, pick: Pick, timeouts: TryTimeouts, *, idle_timeout: float | None
    ) -> StreamedResponse:
        """Send and return as soon as the response's head is here. Raises `UpstreamError`."""

        def to_deadline() -> float:
            return call.ends_at - self._clock()

        with ExitStack() as until_closed:
            until_closed.enter_context(pick.replica.busy())
            with self._observed(call, pick, timeouts) as result:
                head = await self._send(call, pick.replica, timeouts)
                result.record_response(head.status_code, head.headers)
            return StreamedResponse(
                self._upstream,
                head,
                buffers=self._buffers,
                seconds_left=to_deadline if idle_timeout is None else lambda: idle_timeout,
                seconds_to_deadline=to_deadline,
                until_closed=until_closed.pop_all(),
            )

    def count_refusal(self) -> None:
        """Count against the upstream that no replica of it accepted a call, once per call."""
        permit = self._breaker.enter()
        if permit is not None:
            self._leave_breaker(permit, success=False)

    async def _send(self, call: Call, replica: Replica, timeouts: TryTimeouts) -> Response:
        return await self._transport.send(
            call.request_to(replica.url, timeout=timeouts.total),
            timeout=timeouts.total,
            connect_timeout=timeouts.connect,
            is_event_stream=call.is_event_stream,
        )

    def _observed(self, call: Call, pick: Pick, timeouts: TryTimeouts) -> "_Observed":
        """Let a try pass the breaker. Raises `BreakerOpen`."""
        permit = self._breaker.enter()
        if permit is None:
            self._balancer.report(pick, None)
            raise self._breaker_open()
        return _Observed(self, call, pick, timeouts, permit, self._clock())

    def seconds_since(self, moment: float) -> float:
        return self._clock() - moment

    def report(self, pick: Pick, permit: Permit, result: TryResult, *, seconds: float) -> None:
        """Tell breaker, balancer, metrics and log how a try ended."""
        self._leave_breaker(permit, success=result.success)
        self._observe_duration(result.label, seconds)
        ejected_for = self._balancer.report(pick, result.outcome)
        if result.reason or ejected_for is not None:
            self._log(result, pick.replica, ejected_for)

    def _leave_breaker(self, permit: Permit, *, success: bool | None) -> None:
        was_closed = self._breaker.is_closed
        self._breaker.leave(permit, success=success)
        if was_closed != self._breaker.is_closed:
            change = "closed" if self._breaker.is_closed else "opened"
            get_logger().warning(f"upstream.breaker_{change}", upstream=self._upstream)

    def _breaker_open(self) -> BreakerOpen:
        return BreakerOpen(
            self._upstream,
            "it failed too often, so calls to it are suspended.",
            retry_after=max(1, math.ceil(self._breaker.seconds_open)),
            is_local=True,
        )

    def _observe_duration(self, label: str, seconds: float) -> None:
        child = self._durations.get(label)
        if child is None:
            child = self._metrics.client.duration.labels(self._upstream, label)
            self._durations[label] = child
        child.observe(seconds)

    def _log(self, result: TryResult, replica: Replica, ejected_for: float | None) -> None:
        if ejected_for is not None and result.outcome is not None:
            self._ejections[result.outcome].inc()
            get_logger().warning(
                "upstream.replica_left_out",
                upstream=self._upstream,
                replica=replica.url,
                outcome=result.label,
                reason=result.reason,
                seconds=ejected_for,
            )
        elif result.reason and self._log_limit.allows(result.label):
            get_logger().warning(
                "upstream.try_failed",
                upstream=self._upstream,
                replica=replica.url,
                outcome=result.label,
                reason=result.reason,
            )


class _Observed:
    """One try: turns what was raised within the block into a `TryResult`, and reports it."""

    # A class: a generator costs each try 2 µs more.
    __slots__ = ("_call", "_permit", "_pick", "_result", "_sender", "_started", "_timeouts")

    def __init__(
        self,
        sender: TrySender,
        call: Call,
        pick: Pick,
        timeouts: TryTimeouts,
        permit: Permit,
        started: float,
    ) -> None:
        self._sender = sender
        self._call = call
        self._pick = pick
        self._timeouts = timeouts
        self._permit = permit
        self._started = started
        self._result = TryResult()

    def __enter__(self) -> TryResult:
        return self._result

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        judged = None if error is None else self._judge(error)
        seconds = self._sender.seconds_since(self._started)
        self._sender.report(self._pick, self._permit, self._result, seconds=seconds)
        if judged is not None and judged is not error:
            try:
                raise judged from error
            finally:
                del judged, error  # the traceback refers to this frame

    def _judge(self, error: BaseException) -> UpstreamError | None:
        """Record what was raised; return what to raise instead."""
        if isinstance(error, UpstreamError):
            judged = self._excuse(error)
            self._result.record_error(judged)
            return judged
        is_late = self._sender.seconds_since(self._started) >= self._timeouts.total
        if isinstance(error, asyncio.CancelledError) and is_late:
            # Our caller has the same deadline, and its timer fired first.
            late = UpstreamTimeout(self._call.upstream, "it did not answer in time.")
            self._result.record_error(self._excuse(late))
        return None

    def _excuse(self, error: UpstreamError) -> UpstreamError:
        return excuse_short_timeout(
            error, timeout=self._timeouts.total, usual_timeout=self._call.usual_timeout
        )
