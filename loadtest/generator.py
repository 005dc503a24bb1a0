"""An open-loop load generator: it sends at a given rate, whether or not responses arrive.

A closed loop (a fixed number of clients, each waiting for its response) slows down with the shop,
and so hides an overload. Here a request that is due is sent if a shopper (a virtual user) is idle,
and counted as `missed` if none is: the load is never less than requested without being counted.

Coordinated omission, leaving out the waits of requests that a slow shop kept from being sent, is
avoided: a duration counts from the moment a request was due (to within 2 ms), and a failed or
missed request counts as `TIMEOUT`.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from random import Random

from app.client.messages import Transport
from loadtest.arrivals import Schedule, Stage
from loadtest.http_client import HttpClient
from loadtest.messages import INVALID_RESPONSE, Exchange, Request, Response, Scenario
from loadtest.scenarios import MAX_SHOPPERS, SCENARIOS
from loadtest.statistics import TIMEOUT, LoadStatistics

MIN_SHOPPERS = 64
USUAL_WAIT = 1.0
"""Seconds. As long as no request takes longer, there are shoppers for all of them by default."""
GIVEN_UP = "given_up"
"""The error of a request that was in flight when the load was ended at once."""
MIN_SLEEP = 0.001
# A generator that lags further behind skips requests, instead of sending them in a burst.
MAX_LAG = 0.5
# As exact as a timer of the event loop is: at 50 to 1000 requests a second half of them were sent
# 0.5 ms late, nine of ten at most 1.1 ms. Less than this is not counted as a delay of the shop.
TIMER_RESOLUTION = 0.002


def usual_shoppers(stages: Sequence[Stage]) -> int:
    """How many shoppers such a load has by default.

    No more than it needs: in an overload each new one begins with requests of its own.
    """
    highest = max((max(stage.rate, stage.end_rate) for stage in stages), default=0.0)
    return min(max(math.ceil(highest * USUAL_WAIT), MIN_SHOPPERS), MAX_SHOPPERS)


class _Shopper:
    """A virtual user: one run of a scenario, and its next request."""

    def __init__(self, number: int, scenario: Scenario) -> None:
        self.number = number
        self._scenario = scenario
        self.next_request: Request = next(scenario)

    def receive(self, response: Response) -> None:
        self.next_request = self._scenario.send(response)


class Generator:
    """Sends the requests of one scenario to `target`, in stages.

    The stages may be changed while it runs. `on_response` is called with request, response and
    duration of each request that was sent, `on_missed` with a number of requests not sent.
    `on_exchange` is called with all requests that were sent, also with those that were given up.
    """

    def __init__(
        self,
        target: str,
        *,
        scenario: str = "cart-add",
        shoppers: int = 64,
        seed: int | None = None,
        transport: Transport | None = None,
        on_response: Callable[[Request, Response, float], None] = lambda *_: None,
        on_missed: Callable[[int], None] = lambda _: None,
        on_exchange: Callable[[Exchange], None] = lambda _: None,
    ) -> None:
        """Raises `InvalidTarget`."""
        self.scenario = scenario
        self._crowd = SCENARIOS[scenario]()
        self.statistics = LoadStatistics()
        self._schedule = Schedule([], starts_at=time.monotonic())
        self._shoppers = min(shoppers, self._crowd.max_shoppers)
        self._random = Random(seed)
        self._on_response = on_response
        self._on_missed = on_missed
        self._on_exchange = on_exchange
        self._idle: deque[_Shopper] = deque()
        self._created = 0
        self._numbers = count()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._pause_over: asyncio.Future[None] | None = None
        self._client = HttpClient(
            target,
            timeout=TIMEOUT,
            max_connections=self._crowd.max_shoppers,
            transport=transport,
        )

    @property
    def rate(self) -> float:
        """The rate asked for now."""
        return self._schedule.rate_at(time.monotonic())

    @property
    def seconds_left(self) -> float:
        return max(self._schedule.ends_at - time.monotonic(), 0.0)

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    def follow(self, stages: Sequence[Stage], *, shoppers: int | None = None) -> None:
        """Send according to these stages from now on, with at most so many shoppers.

        What was due until now is sent first.
        """
        now = time.monotonic()
        self._send_due(self._schedule, now)
        left = self._schedule.left_until_next(now)
        self._schedule = Schedule(stages, starts_at=now, first=left)
        if shoppers is not None:
            self._shoppers = min(shoppers, self._crowd.max_shoppers)
        self._end_pause()

    def set_rate(self, rate: float, *, seconds: float) -> None:
        """Send at this rate from now on, for so many seconds."""
        self.follow([Stage.constant(rate, seconds=seconds)])

    def stop(self) -> None:
        """Send nothing more; `run` returns when all requests in flight have ended."""
        self.follow([])

    async def run(self, stages: Sequence[Stage]) -> LoadStatistics:
        """Send according to these stages, then wait for the requests in flight."""
        self.follow(stages)
        return await self.send()

    async def send(self) -> LoadStatistics:
        """Send until the current stages are over, then wait for the requests in flight."""
        async with self._client:
            try:
                await self._send_on_schedule()
                if self._in_flight:
                    await asyncio.wait(self._in_flight)
            finally:
                for task in self._in_flight:
                    task.cancel()
        return self.statistics

    async def _send_on_schedule(self) -> None:
        while (now := time.monotonic()) < self._schedule.ends_at:
            schedule = self._schedule
            self._send_due(schedule, now)
            await self._pause(min(max(schedule.next_due - now, MIN_SLEEP), schedule.ends_at - now))
        self._send_due(self._schedule, now)

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until the stages are changed."""
        loop = asyncio.get_running_loop()
        self._pause_over = loop.create_future()
        timer = loop.call_later(seconds, self._end_pause)
        try:
            await self._pause_over
        finally:
            timer.cancel()

    def _end_pause(self) -> None:
        if self._pause_over and not self._pause_over.done():
            self._pause_over.set_result(None)

    def _send_due(self, schedule: Schedule, now: float) -> None:
        late = 0
        while (due := schedule.next_due) <= now:
            schedule.advance()
            if due < now - MAX_LAG:
                late += 1
            else:
                self._send_one(due if now - due > TIMER_RESOLUTION else now)
        if late:
            self._record_missed(late)

    def _record_missed(self, number: int) -> None:
        self.statistics.record_missed(number)
        self._on_missed(number)

    def _send_one(self, due: float) -> None:
        shopper = self._idle_shopper()
        if shopper is None:
            self._record_missed(1)
            return
        self.statistics.sent += 1
        task = asyncio.create_task(self._send(shopper, due))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    def _idle_shopper(self) -> _Shopper | None:
        is_complete = self._created >= min(self._crowd.min_shoppers, self._shoppers)
        if self._idle and is_complete:
            return self._idle.popleft()
        if self._created >= self._shoppers:
            return None
        self._created += 1
        return self._new_shopper()

    def _new_shopper(self) -> _Shopper:
        scenario = self._crowd.start(Random(self._random.getrandbits(64)))
        return _Shopper(next(self._numbers), scenario)

    async def _send(self, shopper: _Shopper, due: float) -> None:
        request = shopper.next_request
        response = await self._exchange(shopper.number, request)
        seconds = time.monotonic() - due
        try:
            shopper.receive(response)
        except Exception:  # whatever an unexpected body leads to: this shopper cannot go on
            shopper = self._new_shopper()
            response = replace(response, error=INVALID_RESPONSE)
        self._idle.append(shopper)
        self.statistics.record_response(response, seconds)
        self._on_response(request, response, seconds)

    async def _exchange(self, shopper: int, request: Request) -> Response:
        called_at = time.monotonic()
        response = Response(0, error=GIVEN_UP)
        try:
            response = await self._client.send(request)
        finally:
            self._on_exchange(Exchange(shopper, request, response, called_at, time.monotonic()))
        return response
