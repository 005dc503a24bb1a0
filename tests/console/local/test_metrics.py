"""The figures of replicas: each has its own, or none if it does not respond."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from cartwheel.console.local.metrics import RunMetrics
from cartwheel.local.replica_process import State
from cartwheel.local.run_state import RunningReplica, RunningService, RunState
from cartwheel.mesh.traffic import Traffic

RATE_BEFORE, RATE_AFTER = 20.0, 60.0
SCRAPE_TIMEOUT = 0.8


@dataclass
class Clock:
    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class FakeReplica:
    """The `/metrics` of a replica that has received ``received`` requests.

    One that hangs responds to nothing: the scrape ends when its timeout has passed on the clock.
    """

    name: str
    clock: Clock
    received: float = 0.0
    is_hung: bool = False
    port: int = 0

    async def respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if self.is_hung:
            self.clock.seconds += SCRAPE_TIMEOUT
        else:
            writer.write(response(f"http_requests_received_total {self.received}\n"))
        writer.close()


def response(body: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@dataclass
class Scraped:
    """The replicas ``healthy`` and ``hung`` of cart, scraped each second."""

    clock: Clock = field(default_factory=Clock)
    rounds: int = 0

    def __post_init__(self) -> None:
        self.healthy = FakeReplica("healthy", self.clock)
        self.hung = FakeReplica("hung", self.clock)
        self.replicas = (self.healthy, self.hung)
        self.metrics = RunMetrics(now=self.clock)

    async def next(self, **rates: float) -> Traffic:
        """One second later, in which the replicas received that many requests."""
        self.rounds += 1
        self.clock.seconds = 1000.0 + self.rounds
        for one in self.replicas:
            one.received += rates[one.name]
        await self.metrics.scrape(self.run)
        return self.metrics.traffic()

    @property
    def run(self) -> RunState:
        replicas = [RunningReplica(one.name, State.READY, 1, one.port, 0) for one in self.replicas]
        return RunState(1, 0.0, "running", [RunningService("cart", "http://cart", 2, replicas)])


@pytest.fixture
async def cart() -> AsyncIterator[Scraped]:
    scraped = Scraped()
    async with AsyncExitStack() as servers:
        for one in scraped.replicas:
            one.port = await servers.enter_async_context(listening(one))
        for _ in range(4):
            await scraped.next(healthy=RATE_BEFORE, hung=RATE_BEFORE)
        yield scraped


@asynccontextmanager
async def listening(replica: FakeReplica) -> AsyncIterator[int]:
    async with await asyncio.start_server(replica.respond, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_replica_whose_last_scrape_failed_has_no_figures(cart: Scraped) -> None:
    before = (await cart.next(healthy=RATE_BEFORE, hung=RATE_BEFORE)).replica("hung")
    cart.hung.is_hung = True
    traffic = await cart.next(healthy=RATE_BEFORE, hung=0.0)
    assert (before.rate, before.is_serving) == (pytest.approx(RATE_BEFORE), True)
    assert (traffic.replica("hung").rate, traffic.replica("hung").is_serving) == (None, False)
    assert cart.metrics.failures["hung"].reason == "does not respond to a scrape"


async def test_a_service_has_the_sum_of_its_replicas_that_respond(cart: Scraped) -> None:
    cart.hung.is_hung = True
    for _ in range(4):
        traffic = await cart.next(healthy=RATE_BEFORE, hung=0.0)
        assert traffic.replica("healthy").rate == pytest.approx(RATE_BEFORE)
        assert traffic.service("cart").rate == traffic.replica("healthy").rate


async def test_one_replica_that_hangs_does_not_delay_the_figures_of_the_others(
    cart: Scraped,
) -> None:
    cart.hung.is_hung = True
    rates = [
        (await cart.next(healthy=RATE_AFTER, hung=0.0)).replica("healthy").rate for _ in range(4)
    ]
    # The window of two and a half seconds is full of the new rate after the second scrape.
    assert rates[1:] == [pytest.approx(RATE_AFTER)] * 3


async def test_a_replica_that_responds_again_has_figures_at_once(cart: Scraped) -> None:
    cart.hung.is_hung = True
    await cart.next(healthy=RATE_BEFORE, hung=RATE_BEFORE)
    cart.hung.is_hung = False
    traffic = await cart.next(healthy=RATE_BEFORE, hung=RATE_BEFORE)
    assert traffic.replica("hung").rate == pytest.approx(RATE_BEFORE)
    assert cart.metrics.failures == {}


async def test_one_failed_scrape_is_no_problem_to_tell(cart: Scraped) -> None:
    cart.hung.is_hung = True
    await cart.next(healthy=RATE_BEFORE, hung=0.0)
    assert cart.metrics.lasting_failures == []
    await cart.next(healthy=RATE_BEFORE, hung=0.0)
    assert [one.replica for one in cart.metrics.lasting_failures] == ["hung"]
