"""An open-loop load generator: requests leave in a rhythm, whether or not answers come back.

A closed loop (a fixed number of clients, each waiting for its answer) slows down with the shop
and so hides the very overload one wants to see. Here a request that is due is sent if any shopper
is free, and counted as `missed` if none is: the load that was asked for is never quietly less.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import httpx2

from loadtest.scenarios import SCENARIOS, Reply, Request, Scenario

MAX_RATE = 2000.0
MAX_SHOPPERS = 512
TIMEOUT = 10.0
TICK = 0.005
# How far a late generator catches up; beyond it would send a burst that nobody asked for.
MAX_LAG = 0.1
# Quantiles are those of so many newest answers: an hour of load must not fill the memory.
NEWEST = 20_000


@dataclass
class Figures:
    """What happened so far. Durations are in seconds, of the newest answered requests."""

    sent: int = 0
    missed: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    durations: deque[float] = field(default_factory=lambda: deque(maxlen=NEWEST))

    @property
    def failed(self) -> int:
        """Requests without an answer (0) or with one that was the shop's fault (5xx)."""
        return sum(n for status, n in self.statuses.items() if status == 0 or status >= 500)

    def quantile(self, q: float) -> float:
        """The duration that a share `q` of the answers did not exceed; 0 without any."""
        ordered = sorted(self.durations)
        return ordered[min(int(q * len(ordered)), len(ordered) - 1)] if ordered else 0.0


class _Shopper:
    """One run of a scenario and the request it wants to send next."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.next_request: Request = next(scenario)

    def hear(self, reply: Reply) -> None:
        self.next_request = self._scenario.send(reply)


class Generator:
    """Sends the requests of one scenario to `target` at `rate` a second, until told to stop.

    `rate` may be changed while it runs. `report` is called with each answer's request, status
    and duration.
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
    ) -> None:
        self.rate = rate
        self.scenario = scenario
        self.figures = Figures()
        self._shoppers = min(shoppers, MAX_SHOPPERS)
        self._random = Random(seed)
        self._report = report
        self._free: list[_Shopper] = []
        self._made = 0
        self._sending: set[asyncio.Task[None]] = set()
        self._client = httpx2.AsyncClient(
            base_url=target,
            timeout=TIMEOUT,
            transport=transport,
            limits=httpx2.Limits(max_connections=self._shoppers),
        )

    async def run(self, seconds: float) -> Figures:
        """Send for so long, then wait for the answers that are still out."""
        async with self._client:
            try:
                await self._pace(time.monotonic() + seconds)
            finally:
                await self._settle()
        return self.figures

    async def _pace(self, until: float) -> None:
        due = time.monotonic()
        while (now := time.monotonic()) < until:
            due = max(due, now - MAX_LAG)
            while self.rate > 0 and due <= now:
                self._send_one()
                due += 1 / min(self.rate, MAX_RATE)
            await asyncio.sleep(min(max(due - now, TICK), until - now) if self.rate else TICK)

    async def _settle(self) -> None:
        if self._sending:
            await asyncio.wait(self._sending, timeout=TIMEOUT)

    def _send_one(self) -> None:
        shopper = self._free_shopper()
        if shopper is None:
            self.figures.missed += 1
            return
        self.figures.sent += 1
        task = asyncio.create_task(self._send(shopper))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _free_shopper(self) -> _Shopper | None:
        if self._free:
            return self._free.pop(0)
        if self._made >= self._shoppers:
            return None
        self._made += 1
        start = SCENARIOS[self.scenario]
        return _Shopper(start(Random(self._random.getrandbits(64))))

    async def _send(self, shopper: _Shopper) -> None:
        request = shopper.next_request
        started = time.perf_counter()
        reply = await exchange(self._client, request)
        seconds = time.perf_counter() - started
        self.figures.statuses[reply.status] += 1
        if reply.status:
            self.figures.durations.append(seconds)
        self._report(request, reply.status, seconds)
        shopper.hear(reply)
        self._free.append(shopper)


async def exchange(client: httpx2.AsyncClient, request: Request) -> Reply:
    """Send one request; whatever goes wrong on the wire is a reply with status 0."""
    try:
        answer = await client.request(
            request.method, request.path, json=request.json, headers=dict(request.headers)
        )
    except httpx2.HTTPError:
        return Reply(0)
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    return Reply(answer.status_code, answer.json() if is_json else None)
