"""Sagas that outlive their requests, and how many of them are at work together."""

import asyncio

from services.tracking.models import OrderStatus
from services.tracking.saga_runner import SagaRunner
from tests.services.tracking.backend import Shop, an_order, open_backend


class Counter:
    """How many sagas are at their payment, and how many there were at most."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0

    def count(self, point: str) -> None:
        self.now += {"before-pay": 1, "after-pay": -1}.get(point, 0)
        self.most = max(self.most, self.now)


async def test_of_many_checkouts_a_limited_number_runs_at_a_time(
    sqlite_shop: Shop,
) -> None:
    counter = Counter()
    orders = [an_order(f"ord_0000000{number}", quantity=1) for number in range(8)]
    async with (
        open_backend(sqlite_shop, crash_points=counter.count, payment_mode="slow") as backend,
        SagaRunner(backend.saga, limit=8, grace=5, max_concurrent=3) as runner,
    ):
        for order in orders:
            await backend.place(order, key=order.id)
        finished = await asyncio.gather(*(runner.run(order, timeout=5) for order in orders))
    assert [order and order.status for order in finished] == [OrderStatus.CONFIRMED] * 8
    assert counter.most == 3
