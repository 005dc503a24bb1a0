"""An open-loop load generator: requests leave in a rhythm, whether or not answers come back.

A closed loop (a fixed number of clients, each waiting for its answer) slows down with the shop
and so hides the very overload one wants to see. Here a request that is due is sent if any shopper
is free, and counted as `missed` if none is: the load that was asked for is never quietly less.

Nor do the figures flatter: a duration counts from the moment a request was due, and what failed
or was never sent counts as the longest wait there is (no coordinated omission).
"""

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import httpx2

from loadtest.clients import new_client
from loadtest.scenarios import SCENARIOS, Reply, Request, Scenario

MAX_RATE = 2000.0
MAX_SHOPPERS = 512
TIMEOUT = 10.0
TICK = 0.005
# How soon a change of the rate or of the end is noticed while nothing is due.
MAX_SLEEP = 0.1
# How far a late generator catches up; beyond it would send a burst that nobody asked for.
MAX_LAG = 0.5
# Quantiles are those of so many newest answers: an hour of load must not fill the memory.
NEWEST = 20_000


@dataclass
class Figures:
    """What happened so far. Durations are in seconds, of the newest requests that were due."""

    sent: int = 0
    missed: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    durations: deque[float] = field(default_factory=lambda: deque(maxlen=NEWEST))

    @property
    def failed(self) -> int:
        """Requests without an answer (0) or with one that was the shop's fault (5xx)."""
        return sum(n for status, n in self.statuses.items() if _is_failure(status))

    def count(self, status: int, seconds: float) -> None:
        """What became of a request that was sent."""
        self.statuses[status] += 1
        self.durations.append(TIMEOUT if _is_failure(status) else seconds)

    def miss(self, number: int) -> None:
        """So many were due and could not be sent."""
        self.missed += number
        self.durations.extend([TIMEOUT] * min(number, NEWEST))

    def quantile(self, q: float) -> float | None:
        """The duration that a share `q` of what was due did not exceed; None without any."""
        ordered = sorted(self.durations)
        return ordered[max(math.ceil(q * len(ordered)) - 1, 0)] if ordered else None


def _is_failure(status: int) -> bool:
    return status == 0 or status >= 500


class _Shopper:
    """One run of a scenario and the request it wants to send next."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.next_request: Request = next(scenario)

    def hear(self, reply: Reply) -> None:
        self.next_request = self._scenario.send(reply)


class Generator:
    """Sends the requests of one scenario to `target` at `rate` a second, for a time.

    Both may be changed while it runs (`change`). `report` is called with each answer's request,
    status and duration, `report_missed` with the number of requests that could not be sent.
    """

    def __init__(
        self,
        target: str,
        *,
        scenario: str = "cart-add",
        rate: float = 0.0,
        shoppers: int = 64,
        seed: int | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        report: Callable[[Request, int, float], None] = lambda *_: None,
        report_missed: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.rate = rate
        self.scenario = scenario
        self.figures = Figures()
        self._until = 0.0
        self._shoppers = min(shoppers, MAX_SHOPPERS)
        self._random = Random(seed)
        self._report = report
        self._report_missed = report_missed
        self._free: list[_Shopper] = []
        self._made = 0
        self._sending: set[asyncio.Task[None]] = set()
        self._client = new_client(
            target,
            timeout=TIMEOUT,
            transport=transport,
            limits=httpx2.Limits(max_connections=self._shoppers),
        )

    @property
    def seconds_left(self) -> float:
        return max(self._until - time.monotonic(), 0.0)

    def change(self, *, rate: float, seconds: float) -> None:
        """Have another rate from now on, for so many seconds from now."""
        self.rate = rate
        self._until = time.monotonic() + seconds

    def end(self) -> None:
        """Send nothing more; `run` returns when the answers that are out have come."""
        self._until = 0.0

    async def run(self, seconds: float) -> Figures:
        """Send for so long, then wait for the answers that are still out."""
        self.change(rate=self.rate, seconds=seconds)
        return await self.send()

    async def send(self) -> Figures:
        """Send until the end that `change` has set, then wait for the answers that are out."""
        async with self._client:
            try:
                await self._pace()
                if self._sending:
                    await asyncio.wait(self._sending)
            finally:
                for task in self._sending:
                    task.cancel()
        return self.figures

    async def _pace(self) -> None:
        due = time.monotonic()
        while (now := time.monotonic()) < self._until:
            due = self._send_due(due, now)
            asleep = min(max(due - now, TICK), MAX_SLEEP, self._until - now)
            await asyncio.sleep(max(asleep, 0))

    def _send_due(self, due: float, now: float) -> float:
        """Send what is due by now; returns when the next is."""
        if self.rate <= 0:
            return now
        pause = 1 / min(self.rate, MAX_RATE)
        # The next one was planned at the rate of before.
        due = min(due, now + pause)
        if (late := math.floor((now - MAX_LAG - due) / pause)) > 0:
            self._miss(late)
            due += late * pause
        while due <= now:
            self._send_one(due)
            due += pause
        return due

    def _miss(self, number: int) -> None:
        self.figures.miss(number)
        self._report_missed(number)

    def _send_one(self, due: float) -> None:
        shopper = self._free_shopper()
        if shopper is None:
            self._miss(1)
            return
        self.figures.sent += 1
        task = asyncio.create_task(self._send(shopper, due))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _free_shopper(self) -> _Shopper | None:
        if self._free:
            return self._free.pop(0)
        if self._made >= self._shoppers:
            return None
        self._made += 1
        return self._new_shopper()

    def _new_shopper(self) -> _Shopper:
        start = SCENARIOS[self.scenario]
        return _Shopper(start(Random(self._random.getrandbits(64))))

    async def _send(self, shopper: _Shopper, due: float) -> None:
        request = shopper.next_request
        reply = await exchange(self._client, request)
        seconds = time.monotonic() - due
        self.figures.count(reply.status, seconds)
        self._report(request, reply.status, seconds)
        try:
            shopper.hear(reply)
        except (KeyError, TypeError):  # not what such an answer holds: this one cannot go on
            shopper = self._new_shopper()
        self._free.append(shopper)


async def exchange(client: httpx2.AsyncClient, request: Request) -> Reply:
    """Send one request; whatever goes wrong on the wire is a reply with status 0."""
    try:
        # The client's own timeout is for each read: an answer that trickles would have no end.
        async with asyncio.timeout(TIMEOUT):
            answer = await client.request(
                request.method, request.path, json=request.json, headers=dict(request.headers)
            )
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return Reply(answer.status_code, answer.json() if is_json else None)
    except (httpx2.HTTPError, TimeoutError, ValueError):
        return Reply(0)
