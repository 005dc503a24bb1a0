"""Replicas of a running shop that start, stop, and run out of what they need."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

import psutil
import pytest

from cartwheel.local.faults.client import FaultSession, open_fault_session
from cartwheel.local.faults.effects import Limit
from cartwheel.local.state_folder import StateFolder
from tests.support.http_load import (
    Connection,
    HttpRequest,
    LoadResult,
    send_all_at_once,
    steady_load,
)
from tests.support.shop import SERVICES, SKU
from tests.support.waiting import until
from tests.system.shop import RunningShop, shop_up

pytestmark = [
    pytest.mark.xdist_group("replicas"),
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="acts on processes as Linux does"),
]

REQUESTS = 20_000
ENOUGH_WITHIN = 240.0
MAX_QUANTITY = 99
CONNECTIONS = 3
HERD = 24
"""Connections to a cart whose replicas have just started."""
BURST = 150
"""Connections at once to a storefront with few descriptors left."""
FEW_DESCRIPTORS = 12
MEMORY = 96_000_000
"""Bytes, as in the limit of a pod."""
TOO_LITTLE_MEMORY = 1_000_000


@pytest.fixture(scope="module")
def shop() -> Iterator[RunningShop]:
    with shop_up() as shop:
        yield shop


@contextmanager
def faults_of(shop: RunningShop) -> Iterator[FaultSession]:
    with open_fault_session(StateFolder.at(shop.run.state), "a test") as session:
        yield session


def use_of(service: str, customer: Mapping[str, str]) -> Iterator[HttpRequest]:
    """Requests to a service, without end."""
    line = {"sku": SKU, "quantity": 1}
    while True:
        match service:
            case "products":
                yield HttpRequest("GET", f"/v1/products/{SKU}")
                yield HttpRequest("GET", "/v1/products?limit=5")
            case "cart":
                yield HttpRequest("POST", "/v1/cart/items", customer, line)
                yield HttpRequest("GET", "/v1/cart", customer)
                yield HttpRequest("DELETE", f"/v1/cart/items/{SKU}", customer)
            case "user":
                yield HttpRequest("GET", "/v1/users/me", customer)
            case "tracking":
                yield HttpRequest("GET", "/v1/orders", customer)
            case _:
                yield HttpRequest("GET", "/api/cart/v1/cart", customer)
                yield HttpRequest("GET", f"/products/{SKU}")


@asynccontextmanager
async def shoppers_everywhere(shop: RunningShop) -> AsyncIterator[Mapping[str, LoadResult]]:
    """A few connections to each service during the block."""
    customer = shop.known_person.headers
    async with AsyncExitStack() as loads:
        yield {
            service: await loads.enter_async_context(
                steady_load(
                    shop.url(service),
                    connections=CONNECTIONS,
                    script=lambda _, service=service: use_of(service, customer),
                )
            )
            for service in SERVICES
        }


@pytest.mark.fault(26, store="sqlite")
async def test_no_request_fails_while_each_service_scales_out_in_and_restarts(
    shop: RunningShop, figure: Callable[..., None]
) -> None:
    async with shoppers_everywhere(shop) as results:
        for service in SERVICES:
            before = len(shop.run.replicas(service))
            await shop.scale(service, 3)
            await shop.rolling_restart(service)
            await shop.scale(service, before)
        await until(
            lambda: sum(result.total for result in results.values()) >= REQUESTS,
            within=ENOUGH_WITHIN,
        )
    report(results, figure)
    assert all(result.total > 100 for result in results.values())


@pytest.mark.fault(26, store="sqlite")
@pytest.mark.parametrize("service", SERVICES)
async def test_a_replica_that_gets_sigterm_finishes_its_requests_and_exits_with_0(
    shop: RunningShop, service: str, figure: Callable[..., None]
) -> None:
    await shop.scale(service, 2)
    replica = shop.run.replicas(service)[0]
    async with shoppers_everywhere(shop) as results:
        await until(lambda: results[service].total > 50, within=ENOUGH_WITHIN)
        os.kill(replica["pid"], signal.SIGTERM)
        await asyncio.to_thread(
            shop.run.wait_for_line, rf"{replica['replica']}\s+exited with code 0"
        )
        await until(lambda: is_ready(shop, service, replica["replica"]), within=ENOUGH_WITHIN)
    report(results, figure)


def report(results: Mapping[str, LoadResult], figure: Callable[..., None]) -> None:
    """Give the figure, and fail if a request has."""
    failed = sum(result.failed for result in results.values())
    figure("{} of {:,} requests failed", failed, sum(one.total for one in results.values()))
    assert not failed, [f"{name}: {one.failures}" for name, one in results.items() if one.failed]


def is_ready(shop: RunningShop, service: str, name: str) -> bool:
    return any(
        one["replica"] == name and one["state"] == "Ready" for one in shop.run.replicas(service)
    )


@pytest.mark.fault(25, store="sqlite")
async def test_a_herd_meets_three_carts_that_have_just_started_and_no_request_fails(
    shop: RunningShop, figure: Callable[..., None]
) -> None:
    await shop.scale("cart", 1)
    guests = [shop.guest() for _ in range(HERD)]
    async with steady_load(
        shop.url("cart"), connections=HERD, script=lambda number: use_of("cart", guests[number])
    ) as result:
        await until(lambda: result.total > 100, within=ENOUGH_WITHIN)
        before = result.total
        await shop.scale("cart", 4)
        await until(lambda: result.total > before + 1000, within=ENOUGH_WITHIN)
    figure("{} of {:,} requests failed", result.failed, result.total)
    assert result.failed == 0, result.failures


@pytest.mark.fault(30, store="sqlite")
async def test_a_flood_of_large_bodies_leaves_a_cart_within_its_memory(
    shop: RunningShop, figure: Callable[..., None]
) -> None:
    await shop.scale("cart", 1)
    replica = shop.run.replicas()[0]
    large = HttpRequest("POST", "/v1/cart/items", shop.known_guest, {"sku": "x" * 50_000})
    with faults_of(shop) as faults:
        faults.inject(Limit(replica["replica"], "memory", MEMORY))
        responses = [
            one
            for _ in range(4)
            for one in await send_all_at_once([(shop.url("cart"), large)] * 300)
        ]
        memory = shop.run.cart(replica["replica"])["memory"]
    assert shop.run.cart(replica["replica"])["restarts"] == replica["restarts"]
    statuses = Counter(one.status for one in responses)
    assert set(statuses) <= {413, 422, 503}, statuses
    figure("{:.0f} MB after {:,} requests of 50 kB", memory / 1e6, len(responses))


@dataclass
class Adds:
    """Adds of one piece, one after the other: those with a response, and those without one."""

    acknowledged: int = 0
    unknown: int = 0

    async def run(self, url: str, guests: Sequence[Mapping[str, str]]) -> None:
        connection = Connection(url)
        line = {"sku": SKU, "quantity": 1}
        for guest in guests:
            for _ in range(MAX_QUANTITY):
                try:
                    response = await connection.send(
                        HttpRequest("POST", "/v1/cart/items", guest, line)
                    )
                except OSError:
                    self.unknown += 1
                else:
                    assert response.status == 200
                    self.acknowledged += 1
        connection.close()


@pytest.mark.fault(30, store="sqlite")
async def test_a_cart_that_is_killed_for_its_memory_again_and_again_loses_no_acknowledged_add(
    shop: RunningShop, figure: Callable[..., None]
) -> None:
    await shop.scale("cart", 2)
    replica = shop.run.replicas()[0]
    guests = [shop.guest() for _ in range(15)]
    adds = Adds()
    with faults_of(shop) as faults:
        faults.inject(Limit(replica["replica"], "memory", TOO_LITTLE_MEMORY))
        await adds.run(shop.url("cart"), guests)
    assert shop.run.cart(replica["replica"])["restarts"] > replica["restarts"]
    await until(lambda: is_ready(shop, "cart", replica["replica"]), within=ENOUGH_WITHIN)
    held = sum(quantity_of(shop, guest) for guest in guests)
    figure(
        "{:,} acknowledged adds and {} unknown: {:,} held", adds.acknowledged, adds.unknown, held
    )
    assert adds.acknowledged <= held <= adds.acknowledged + adds.unknown


def quantity_of(shop: RunningShop, guest: Mapping[str, str]) -> int:
    lines = shop.request("cart", "GET", "/v1/cart", headers=dict(guest)).json()["lines"]
    quantities: list[int] = [line["quantity"] for line in lines]
    return sum(quantities)


@pytest.mark.fault(34, store="sqlite")
async def test_a_storefront_without_descriptors_recovers_and_does_not_crash(
    shop: RunningShop, figure: Callable[..., None]
) -> None:
    await shop.scale("storefront", 1)
    [replica] = shop.run.replicas("storefront")
    page = (shop.url("storefront"), HttpRequest("GET", "/"))
    used = psutil.Process(replica["pid"]).num_fds()
    with faults_of(shop) as faults:
        faults.inject(Limit(replica["replica"], "open_files", used + FEW_DESCRIPTORS))
        responses = await send_all_at_once([page] * BURST)
    statuses = Counter(response.status for response in responses)
    figure("{} callers, {} descriptors: {} pages", BURST, FEW_DESCRIPTORS, statuses[200])
    assert set(statuses) <= {200, 503}
    assert statuses[200] > 0
    [after] = shop.run.replicas("storefront")
    assert (after["pid"], after["restarts"]) == (replica["pid"], replica["restarts"])
    assert {one.status for one in await send_all_at_once([page] * 20)} == {200}
