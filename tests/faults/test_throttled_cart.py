"""All carts of a running shop get a fifth of the CPU: they shed, and the autoscaler adds others."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import repeat

import pytest

from cartwheel.local.faults.client import open_fault_session
from cartwheel.local.faults.effects import Throttle
from cartwheel.local.state_folder import StateFolder
from tests.support.http_load import Connection, HttpRequest
from tests.support.waiting import until
from tests.system.shop import RunningShop, shop_up

pytestmark = pytest.mark.xdist_group("throttled cart")

SHARE = 0.2
CALLERS = 800
DEADLINE, LATE = 2.5, 1.0
"""Seconds; 800 callers in one process see a response a little later."""
ENOUGH_REQUESTS = 4000
WITHIN = 60.0
POLL_SECONDS = 0.2


@pytest.fixture
def shop() -> Iterator[RunningShop]:
    with shop_up(CARTWHEEL_AUTOSCALE="requests") as shop:
        yield shop


class Callers:
    """Callers at the cart, each of whom sends its next request after a response."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.accepted: list[float] = []
        """How long each accepted request took, in seconds."""

    async def run(self, url: str, request: HttpRequest) -> None:
        connection = Connection(url)
        for each in repeat(request):
            started = time.monotonic()
            response = await connection.send(each)
            self.statuses[response.status] += 1
            if response.ok:
                self.accepted.append(time.monotonic() - started)

    @property
    def p99(self) -> float:
        return sorted(self.accepted)[int(0.99 * len(self.accepted))]


@pytest.mark.fault(31, store="sqlite")
async def test_throttled_carts_shed_answer_in_time_what_they_accept_and_get_more_replicas(
    shop: RunningShop, figure: Callable[..., None]
) -> None:
    timeout = {"x-request-timeout-ms": str(int(1000 * DEADLINE))}
    request = HttpRequest("GET", "/v1/cart", {**shop.guest(), **timeout})
    callers = Callers()
    with open_fault_session(StateFolder.at(shop.run.state), "a test") as faults:
        for _ in shop.run.replicas():
            faults.inject(Throttle("cart-*", SHARE))
        started = time.monotonic()
        tasks = [
            asyncio.create_task(callers.run(shop.url("cart"), request)) for _ in range(CALLERS)
        ]
        await until(lambda: has_more_replicas(shop), within=WITHIN)
        decided = time.monotonic() - started
        await until(lambda: callers.statuses.total() > ENOUGH_REQUESTS, within=WITHIN)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    shed = callers.statuses[503] / callers.statuses.total()
    figure("{:.0%} shed, p99 {:.2f} s, more replicas after {:.1f} s", shed, callers.p99, decided)
    assert set(callers.statuses) == {200, 503}
    assert callers.p99 < DEADLINE + LATE


async def has_more_replicas(shop: RunningShop) -> bool:
    await asyncio.sleep(POLL_SECONDS)
    cart = await asyncio.to_thread(shop.run.service, "cart")
    return bool(cart["desired"] > 2)
