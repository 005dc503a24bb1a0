"""A storefront is stopped while browsers follow their orders."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.faults.real_stores import RealShop
from tests.support.processes import start_service
from tests.support.shop import Person, Shop

pytestmark = [pytest.mark.quick, pytest.mark.xdist_group("real stores")]

STREAMS = 20
CLOSED_WITHIN = 2.0


class Follower:
    """Follows an order through a storefront, as a browser does."""

    def __init__(self, person: Person, order_id: str) -> None:
        self._path = f"/api/tracking/v1/orders/{order_id}/events"
        self._person = person
        self.seen: list[str] = []
        self.began = asyncio.Event()

    async def follow(self, url: str) -> None:
        """Until the stream ends."""
        last = next((line[4:] for line in reversed(self.seen) if line.startswith("id: ")), None)
        headers = {**self._person.headers, **({"last-event-id": last} if last else {})}
        async with (
            httpx2.AsyncClient(timeout=30) as client,
            client.stream("GET", url + self._path, headers=headers) as response,
        ):
            assert response.status_code == 200
            async for line in response.aiter_lines():
                self.seen.append(line)
                self.began.set()


def followers(shop: Shop) -> list[Follower]:
    """Several people with an order each."""
    people = [shop.person() for _ in range(STREAMS // 4)]
    orders = [(person, shop.order(person)["id"]) for person in people]
    return [Follower(*order) for order in orders for _ in range(4)]


@pytest.mark.fault(27)
async def test_streams_say_bye_close_in_time_and_go_on_at_another_replica(
    real_shop: RealShop, tmp_path: Path, figure: Callable[..., None]
) -> None:
    shop = real_shop.services
    listeners = await asyncio.to_thread(followers, shop)
    environment = shop.environment("storefront")
    async with start_service("storefront", environment, folder=tmp_path) as stopping:
        streams = [asyncio.create_task(one.follow(stopping.url)) for one in listeners]
        await asyncio.gather(*(one.began.wait() for one in listeners))
        started = time.monotonic()
        stopping.signal(signal.SIGTERM)
        await asyncio.gather(*streams)
        seconds = time.monotonic() - started
        assert await stopping.exited() == 0

    assert all("event: bye" in one.seen for one in listeners)
    figure("{} streams closed within {:.2f} s", len(listeners), seconds)
    assert seconds <= CLOSED_WITHIN
    await _go_on(listeners, shop.url("storefront"))


async def _go_on(listeners: list[Follower], url: str) -> None:
    """Each connects again and gets what came next, nothing twice."""
    before = {one: len(one.seen) for one in listeners}
    again = [asyncio.create_task(one.follow(url)) for one in listeners]
    async with asyncio.timeout(20):
        while any(len(one.seen) == before[one] for one in listeners):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    for task in again:
        task.cancel()
    await asyncio.gather(*again, return_exceptions=True)
    for one in listeners:
        ids = [line for line in one.seen if line.startswith("id: ")]
        assert len(ids) == len(set(ids))
