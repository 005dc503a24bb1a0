"""A replica whose wall clock is wrong decides nothing about what the others share."""

import signal
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text

from app.stores.clock import machine_clock
from services.tracking.models import ShipmentStatus, Status
from tests.services.tracking.town import Town, town_of
from tests.services.tracking.workshop import (
    LEASE,
    PACE,
    Shop,
    Workshop,
    an_order,
    eventually,
    open_workshop,
)

FAR = 600_000
"""Milliseconds; ten minutes."""
MOMENT = 200
"""Milliseconds; two replicas' ideas of now may differ by as much."""


async def test_a_replica_that_is_ahead_and_dies_keeps_nobody_from_finishing_its_order(
    shop: Shop, tmp_path: Path
) -> None:
    async with town_of(shop, tmp_path) as town:
        async with town.tracking(
            factory="tests.support.clock_skew:tracking", kill_point="after-pay"
        ) as ahead:
            await its_lease_is_written(town)
            with pytest.raises(httpx2.TransportError):
                await town.check_out(ahead)
            assert await ahead.exited() == -signal.SIGKILL
        async with town.tracking() as other:
            await town.order_settles(other, as_status="confirmed")
    assert shop.products.stock("LAMP") == 8


@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
async def test_times_of_an_order_are_the_stores_whatever_the_replica_believes(
    shop: Shop, tmp_path: Path
) -> None:
    async with town_of(shop, tmp_path) as town:
        async with town.tracking(factory="tests.support.clock_skew:tracking") as ahead:
            await town.check_out(ahead)
        async with open_workshop(town.shop) as workshop:
            (order,) = await workshop.orders.page("user_ada", after=None, limit=2)
    assert abs(order.created_at - machine_clock()) < 60_000


async def test_a_lease_that_reaches_farther_than_leases_do_is_nobodys(workshop: Workshop) -> None:
    now = workshop.shop.clock()
    ahead = now + FAR
    assert await workshop.orders.hold_lease(
        "sweeper", holder="ahead", now=ahead, expires_at=ahead + LEASE
    )
    await workshop.place(an_order(created_at=now - PACE.stall))
    await workshop.sweeper.sweep()
    assert (await workshop.order()).status is Status.CONFIRMED


async def test_a_lease_written_by_a_clock_a_moment_ahead_is_a_lease(workshop: Workshop) -> None:
    now = workshop.shop.clock()
    ahead = now + MOMENT
    assert await workshop.orders.hold_lease(
        "sweeper", holder="ahead", now=ahead, expires_at=ahead + LEASE
    )
    assert not await workshop.orders.hold_lease(
        "sweeper", holder="behind", now=now, expires_at=now + LEASE
    )


async def test_an_order_written_by_a_clock_a_moment_ahead_is_left_to_whoever_works_on_it(
    workshop: Workshop,
) -> None:
    order = await workshop.place(an_order(created_at=workshop.shop.clock() + MOMENT))
    await workshop.sweeper.sweep()
    assert await workshop.order() == order


async def test_an_order_is_not_postponed_farther_than_anybody_postpones(
    workshop: Workshop,
) -> None:
    await workshop.place(an_order(created_at=workshop.shop.clock() + FAR))
    await workshop.sweeper.sweep()
    assert (await workshop.order()).status is Status.CONFIRMED


async def test_a_parcel_is_not_postponed_farther_than_anybody_postpones(
    workshop: Workshop,
) -> None:
    order = await workshop.saga.run(await workshop.place(an_order()))
    ahead = workshop.shop.clock() + FAR
    await workshop.orders.save(order, order, now=ahead, due_at=ahead + PACE.courier)
    await workshop.courier.make_rounds()
    assert (await workshop.order()).shipment_status is ShipmentStatus.PACKED


async def its_lease_is_written(town: Town) -> None:
    async with open_workshop(town.shop) as workshop:

        async def is_there() -> bool:
            async with workshop.database.reading("test") as connection:
                return await connection.scalar(text("SELECT COUNT(*) FROM leases")) == 1

        await eventually(is_there)
