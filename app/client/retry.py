"""When a call is sent again, and how long each try may take.

The whole call has one deadline. A call that a replica refused was not sent: it goes on to the
next replica. A call that was sent gets at most one retry, only where sending it twice does no
harm, and only within the retry budget.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.client.call import Call
from app.client.discovery import Discovery
from app.client.errors import OutOfTime, UpstreamError, UpstreamRefused
from app.client.load_balancing import LoadBalancer, Pick, Replica
from app.client.responses import StreamedResponse, UpstreamResponse
from app.client.retry_budget import RetryBudget, jittered_backoff
from app.client.transport import CONNECT_TIMEOUT
from app.client.try_sender import TrySender, TryTimeouts
from app.telemetry.cells import Counter

MIN_TRY_SECONDS = 0.02
"""A try with less time is not worth sending."""
FIRST_TRY_SHARE = 0.6
"""The share of a call's time for its first try, when a retry could go to another replica."""
PROBE_TIMEOUT = 0.5
"""Per-try timeout for the probe of an ejected replica: it may hang, and the call needs time for
another replica."""
REDISCOVERY_SECONDS = 1.0
"""How long to look for new replicas when all known ones refused. A restarted replica is back, or
its successor known, within a second; otherwise not within any call's time."""
REDISCOVERY_SHARE = 0.5
"""The share of a call's time that may go into this."""

ResponseT = TypeVar("ResponseT", UpstreamResponse, StreamedResponse)
SendTry = Callable[[Call, Pick, TryTimeouts], Awaitable[ResponseT]]


@dataclass(slots=True)
class _Try:
    """A try that no replica has accepted yet."""

    next_timeout: Callable[[Call], float]
    """Computes the per-try timeout, anew for each replica."""
    avoid: Replica | None = None
    last_replica: Replica | None = None
    rediscover_until: float | None = None


class RetryingSender:
    """Sends the calls to one upstream, each as often as its rules allow."""

    def __init__(
        self,
        upstream: str,
        *,
        tries: TrySender,
        discovery: Discovery,
        balancer: LoadBalancer,
        retries: Counter,
        retries_over_budget: Counter,
        clock: Callable[[], float],
        rng: random.Random,
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._upstream = upstream
        self._tries = tries
        self._discovery = discovery
        self._balancer = balancer
        self._retries = retries
        self._retries_over_budget = retries_over_budget
        self._clock = clock
        self._rng = rng
        self._pause = pause
        self._budget = RetryBudget(clock)

    async def send_with_retry(self, call: Call, send_try: SendTry[ResponseT]) -> ResponseT:
        """Make one try, and a second one where that is safe and within the budget."""
        self._budget.count_request()
        first = _Try(self._first_try_timeout)
        try:
            response = await self._send_until_accepted(call, send_try, first)
            backoff = self._backoff_after_response(call, response)
            if backoff is None:
                return response
        except UpstreamError as error:
            backoff = self._backoff_after_error(call, error)
            if backoff is None:
                raise
        self._retries.inc()
        await self._pause(backoff)
        second = _Try(self._seconds_left, avoid=first.last_replica)
        return await self._send_until_accepted(call, send_try, second)

    async def _send_until_accepted(
        self, call: Call, send_try: SendTry[ResponseT], current: _Try
    ) -> ResponseT:
        """Go from replica to replica until one accepts the call.

        A replica that refuses has not seen the call, so the next one is safe for any method. It
        costs no budget: all calls skip an address that refused, so refusals grow with the number
        of addresses, not with the number of calls.
        """
        refused: list[Replica] = []
        while True:
            self._balancer.update(self._discovery.endpoints())
            timeout = current.next_timeout(call)
            pick = self._next_pick(call, avoid=current.avoid, refused=refused)
            current.last_replica = pick.replica
            if pick.is_probe and call.idempotent and self._balancer.has_healthy_besides(pick):
                timeout = min(timeout, PROBE_TIMEOUT)
            timeouts = TryTimeouts(timeout, self._connect_timeout(timeout, refused))
            try:
                return await send_try(call, pick, timeouts)
            except UpstreamError as error:
                if not error.unsent:
                    raise
                refused.append(pick.replica)
                if not self._balancer.count(exclude=refused):
                    if not await self._rediscover(call, current):
                        if not error.is_local:
                            self._tries.count_refusal()
                        raise
                    refused.clear()

    def _next_pick(self, call: Call, *, avoid: Replica | None, refused: Sequence[Replica]) -> Pick:
        pick = self._balancer.pick(avoid=avoid, exclude=refused, idempotent=call.idempotent)
        if pick is None:
            raise UpstreamRefused(self._upstream, "no replica of it is ready.", is_local=True)
        return pick

    async def _rediscover(self, call: Call, current: _Try) -> bool:
        """Wait and refresh the endpoints, since all known replicas refused.

        One address may stand for many replicas (a Kubernetes Service), and the list may be old.
        This does cost budget: otherwise every call to an upstream that is down would repeat it.
        Returns False when time or budget is used up.
        """
        now = self._clock()
        if current.rediscover_until is None:
            seconds = min(REDISCOVERY_SECONDS, REDISCOVERY_SHARE * (call.ends_at - now))
            current.rediscover_until = now + seconds
        backoff = jittered_backoff(self._rng)
        if now + backoff > current.rediscover_until or not self._spend():
            return False
        self._retries.inc()
        self._discovery.request_refresh()
        await self._pause(backoff)
        return True

    def _backoff_after_error(self, call: Call, error: UpstreamError) -> float | None:
        """Return the seconds until the retry, or None for no retry."""
        if error.unsent or not call.idempotent:
            return None
        if error.stale_connection:
            # Most likely the upstream closed an idle connection just as we used it. One that hangs
            # up on many requests looks the same, so this costs budget too.
            return 0.0 if self._spend() else None
        if error.is_local and not isinstance(error, OutOfTime):
            return None
        return self._backoff_within_budget(call)

    def _backoff_after_response(
        self, call: Call, response: UpstreamResponse | StreamedResponse
    ) -> float | None:
        if isinstance(response, StreamedResponse):
            return None
        if response.status_code < 500 or not call.idempotent:
            return None
        if "retry-after" in response.headers:
            return None  # that is longer than a call has; our own caller may retry
        return self._backoff_within_budget(call)

    def _backoff_within_budget(self, call: Call) -> float | None:
        backoff = jittered_backoff(self._rng)
        in_time = call.ends_at - self._clock() > backoff + MIN_TRY_SECONDS
        return backoff if in_time and self._spend() else None

    def _spend(self) -> bool:
        """Take one retry from the budget; False, and counted, if there is none left."""
        is_allowed = self._budget.spend()
        if not is_allowed:
            self._retries_over_budget.inc()
        return is_allowed

    def _first_try_timeout(self, call: Call) -> float:
        left = self._seconds_left(call)
        has_others = self._balancer.count() > 1
        return left * FIRST_TRY_SHARE if call.idempotent and has_others else left

    def _seconds_left(self, call: Call) -> float:
        left = call.ends_at - self._clock()
        if left < MIN_TRY_SECONDS:
            raise OutOfTime(self._upstream, "no time is left to call it.")
        return left

    def _connect_timeout(self, timeout: float, refused: Sequence[Replica]) -> float:
        """The usual one; after a refusal the remaining replicas share the time that is left."""
        if not refused:
            return CONNECT_TIMEOUT
        return min(CONNECT_TIMEOUT, timeout / max(1, self._balancer.count(exclude=refused)))
