"""An open-loop load generator: it sends at a fixed rate, whether or not responses arrive.

A closed loop (a fixed number of clients, each waiting for its response) slows down with the shop,
and so hides an overload. Here a request that is due is sent if a shopper (a virtual user) is idle,
and counted as `missed` if none is: the load is never less than requested without being counted.

Coordinated omission is avoided: a duration is measured from the moment a request was due, and a
failed or missed request counts as `TIMEOUT`.
"""

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from loadtest.http_client import Client, Transport, TransportError, new_client
from loadtest.scenarios import SCENARIOS, Request, Response, Scenario

MAX_RATE = 2000.0
MAX_SHOPPERS = 512
TIMEOUT = 10.0
MIN_SLEEP = 0.005
# Bounds how late a change of the rate or of the end takes effect.
MAX_SLEEP = 0.1
# A generator that lags further behind skips requests, instead of sending them in a burst.
MAX_LAG = 0.5
# Quantiles cover the newest samples only: an hour of load must not fill the memory.
MAX_SAMPLES = 20_000


@dataclass
class LoadStatistics:
    """Counts since the start, and the durations in seconds of the newest requests."""

    sent: int = 0
    missed: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    durations: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_SAMPLES))

    @property
    def failed(self) -> int:
        """Requests without a response (status 0) or with a server error (5xx)."""
        return sum(n for status, n in self.statuses.items() if _is_failure(status))

    def record_response(self, status: int, seconds: float) -> None:
        """Count a request that was sent and has ended; status 0 without a response."""
        self.statuses[status] += 1
        self.durations.append(TIMEOUT if _is_failure(status) else seconds)

    def record_missed(self, number: int) -> None:
        """Count requests that were due and could not be sent."""
        self.missed += number
        self.durations.extend([TIMEOUT] * min(number, MAX_SAMPLES))

    def quantile(self, q: float) -> float | None:
        """The duration that a share `q` of the requests did not exceed; None without any."""
        ordered = sorted(self.durations)
        return ordered[max(math.ceil(q * len(ordered)) - 1, 0)] if ordered else None


def _is_failure(status: int) -> bool:
    return status == 0 or status >= 500


class _Shopper:
    """A virtual user: one run of a scenario, and its next request."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.next_request: Request = next(scenario)

    def receive(self, response: Response) -> None:
        self.next_request = self._scenario.send(response)


class Generator:
    """Sends the requests of one scenario to `target`, at `rate` a second, for a time.

    Rate and time may be changed while it runs (`set_rate`). `on_response` is called with request,
    status and duration of each response, `on_missed` with a number of requests not sent.
    """

    def __init__(
        self,
        target: str,
        *,
        scenario: str = "cart-add",
        rate: float = 0.0,
        shoppers: int = 64,
        seed: int | None = None,
        transport: Transport | None = None,
        on_response: Callable[[Request, int, float], None] = lambda *_: None,
        on_missed: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.rate = rate
        self.scenario = scenario
        self.statistics = LoadStatistics()
        self._until = 0.0
        self._shoppers = min(shoppers, MAX_SHOPPERS)
        self._random = Random(seed)
        self._on_response = on_response
        self._on_missed = on_missed
        self._idle: list[_Shopper] = []
        self._created = 0
        self._in_flight: set[asyncio.Task[None]] = set()
        self._client = new_client(
            target,
            timeout=TIMEOUT,
            transport=transport,
            max_connections=self._shoppers,
        )

    @property
    def seconds_left(self) -> float:
        return max(self._until - time.monotonic(), 0.0)

    def set_rate(self, rate: float, *, seconds: float) -> None:
        """Send at this rate from now on, for so many seconds."""
        self.rate = rate
        self._until = time.monotonic() + seconds

    def stop(self) -> None:
        """Send nothing more; `run` returns when all requests in flight have ended."""
        self._until = 0.0

    async def run(self, seconds: float) -> LoadStatistics:
        """Send for so long, then wait for the requests in flight."""
        self.set_rate(self.rate, seconds=seconds)
        return await self.send()

    async def send(self) -> LoadStatistics:
        """Send until the time of `set_rate` is over, then wait for the requests in flight."""
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
        due = time.monotonic()
        while (now := time.monotonic()) < self._until:
            due = self._send_due(due, now)
            pause = min(max(due - now, MIN_SLEEP), MAX_SLEEP, self._until - now)
            await asyncio.sleep(max(pause, 0))

    def _send_due(self, due: float, now: float) -> float:
        """Send the requests that are due; returns when the next one is due."""
        if self.rate <= 0:
            return now
        interval = 1 / min(self.rate, MAX_RATE)
        # `due` may have been planned at a lower rate.
        due = min(due, now + interval)
        if (late := math.floor((now - MAX_LAG - due) / interval)) > 0:
            self._record_missed(late)
            due += late * interval
        while due <= now:
            self._send_one(due)
            due += interval
        return due

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
        if self._idle:
            return self._idle.pop(0)
        if self._created >= self._shoppers:
            return None
        self._created += 1
        return self._new_shopper()

    def _new_shopper(self) -> _Shopper:
        start = SCENARIOS[self.scenario]
        return _Shopper(start(Random(self._random.getrandbits(64))))

    async def _send(self, shopper: _Shopper, due: float) -> None:
        request = shopper.next_request
        response = await send_request(self._client, request)
        seconds = time.monotonic() - due
        self.statistics.record_response(response.status, seconds)
        self._on_response(request, response.status, seconds)
        try:
            shopper.receive(response)
        except (KeyError, TypeError):  # an unexpected body: this shopper cannot go on
            shopper = self._new_shopper()
        self._idle.append(shopper)


async def send_request(client: Client, request: Request) -> Response:
    """Send one request. A transport error is a response with status 0."""
    try:
        # The client's own timeout is for each read: a slow body could take for ever.
        async with asyncio.timeout(TIMEOUT):
            received = await client.request(
                request.method, request.path, json=request.json, headers=dict(request.headers)
            )
        is_json = received.headers.get("content-type", "").startswith("application/json")
        return Response(received.status_code, received.json() if is_json else None)
    except (TransportError, TimeoutError, ValueError):
        return Response(0)
