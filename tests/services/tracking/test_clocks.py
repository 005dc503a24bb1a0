"""A replica whose wall clock is wrong decides nothing about what the others share."""

import signal
from pathlib import Path

import httpx2
import pytest

from app.stores.clock import machine_clock
from app.stores.statements import Statement
from services.tracking.models import OrderStatus, ShipmentStatus
from tests.services.tracking.backend import (
    LEASE,
    TIMINGS,
    Backend,
    Shop,
    an_order,
    eventually,
    open_backend,
)
from tests.services.tracking.tracking_processes import TrackingProcesses, tracking_processes

FAR = 600_000
"""Milliseconds; ten minutes."""
MOMENT = 200
"""Milliseconds; two replicas' ideas of now may differ by as much."""


@pytest.mark.fault(32, store="postgres")
async def test_the_order_of_a_replica_that_was_ahead_and_died_is_finished_by_another(
    shop: Shop, tmp_path: Path
) -> None:
    async with tracking_processes(shop, tmp_path) as processes:
        async with processes.tracking(
            factory="tests.support.clock_skew:tracking", kill_point="after-pay"
        ) as ahead:
            await lease_is_written(processes)
            with pytest.raises(httpx2.TransportError):
                await processes.check_out(ahead)
            assert await ahead.exited() == -signal.SIGKILL
        async with processes.tracking() as other:
            await processes.order_settles(other, as_status="confirmed")
    assert shop.products.stock("LAMP") == 8


@pytest.mark.fault(32, store="postgres")
@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)
async def test_times_of_an_order_are_by_the_clock_of_the_store(shop: Shop, tmp_path: Path) -> None:
    async with tracking_processes(shop, tmp_path) as processes:
        async with processes.tracking(factory="tests.support.clock_skew:tracking") as ahead:
            await processes.check_out(ahead)
        async with open_backend(processes.shop) as backend:
            (order,) = await backend.orders.page("user_ada", after=None, limit=2)
    assert abs(order.created_at - machine_clock()) < 60_000


@pytest.mark.fault(32)
async def test_a_lease_that_expires_too_late_is_ignored(backend: Backend) -> None:
    now = backend.shop.clock()
    ahead = now + FAR
    assert await backend.orders.hold_lease(
        "sweeper", holder="ahead", now=ahead, expires_at=ahead + LEASE
    )
    await backend.place(an_order(created_at=now - TIMINGS.stall))
    await backend.sweeper.sweep()
    assert (await backend.order()).status is OrderStatus.CONFIRMED


async def test_a_lease_written_by_a_clock_a_moment_ahead_is_respected(backend: Backend) -> None:
    now = backend.shop.clock()
    ahead = now + MOMENT
    assert await backend.orders.hold_lease(
        "sweeper", holder="ahead", now=ahead, expires_at=ahead + LEASE
    )
    assert not await backend.orders.hold_lease(
        "sweeper", holder="behind", now=now, expires_at=now + LEASE
    )


async def test_an_order_written_by_a_clock_a_moment_ahead_is_not_taken_up(
    backend: Backend,
) -> None:
    order = await backend.place(an_order(created_at=backend.shop.clock() + MOMENT))
    await backend.sweeper.sweep()
    assert await backend.order() == order


async def test_an_order_that_is_due_too_late_is_taken_up(
    backend: Backend,
) -> None:
    await backend.place(an_order(created_at=backend.shop.clock() + FAR))
    await backend.sweeper.sweep()
    assert (await backend.order()).status is OrderStatus.CONFIRMED


async def test_a_parcel_that_is_due_too_late_is_moved(
    backend: Backend,
) -> None:
    order = await backend.saga.run(await backend.place(an_order()))
    ahead = backend.shop.clock() + FAR
    await backend.orders.save(order, order, now=ahead, due_at=ahead + TIMINGS.courier)
    await backend.courier.move_due_parcels()
    assert (await backend.order()).shipment_status is ShipmentStatus.PACKED


async def lease_is_written(processes: TrackingProcesses) -> None:
    async with open_backend(processes.shop) as backend:

        async def is_there() -> bool:
            async with backend.database.reading("test") as connection:
                return await connection.scalar(Statement("SELECT COUNT(*) FROM leases")) == 1

        await eventually(is_there)
