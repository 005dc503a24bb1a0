"""Which orders the sweeper takes up, and which it does not."""

import asyncio
from dataclasses import replace

import pytest

from app.stores.errors import StoreUnavailable
from app.stores.statements import Statement
from services.tracking.models import OrderStatus, ShipmentStatus, Step, StoredOrder
from services.tracking.repository import MAX_FAILED_ATTEMPTS
from services.tracking.saga import STEPS
from tests.services.tracking.backend import LEASE, TIMINGS, Backend, Shop, an_order, open_backend


async def test_an_order_that_makes_progress_is_not_taken_up(backend: Backend) -> None:
    await backend.place(an_order())
    backend.shop.clock.pass_seconds(59)
    await backend.sweeper.sweep()
    assert (await backend.order()).version == 1


async def test_an_order_without_progress_for_a_minute_is_finished(backend: Backend) -> None:
    await backend.place(an_order())
    backend.shop.clock.pass_seconds(60)
    await backend.sweeper.sweep()
    assert (await backend.order()).status is OrderStatus.CONFIRMED


@pytest.mark.fault(38, store=("sqlite", "postgres"))
async def test_one_sweeper_works_at_a_time(shop: Shop) -> None:
    async with open_backend(shop, holder="a") as first, open_backend(shop, holder="b") as second:
        await first.sweeper.sweep()
        await first.place(an_order())
        shop.clock.pass_seconds(5)
        await first.sweeper.sweep()
        shop.clock.pass_seconds(LEASE / 1000 - 1)
        order = await first.order()
        await first.orders.save(order, order, now=shop.clock(), due_at=shop.clock())
        await second.sweeper.sweep()
        assert (await first.order()).status is OrderStatus.PENDING
        await first.sweeper.sweep()
        assert (await first.order()).status is OrderStatus.CONFIRMED


@pytest.mark.fault(38, store=("sqlite", "postgres"))
async def test_the_lease_of_a_dead_sweeper_expires(shop: Shop) -> None:
    async with open_backend(shop, holder="dead") as first, open_backend(shop) as second:
        await first.sweeper.sweep()
        await first.place(an_order())
        shop.clock.pass_seconds(60)
        await second.sweeper.sweep()
        assert (await second.order()).status is OrderStatus.CONFIRMED


@pytest.mark.fault(38, store=("sqlite", "postgres"))
async def test_two_sweepers_that_both_have_the_lease_do_everything_once(
    shop: Shop,
) -> None:
    shop.products.add("LAMP", price=500, stock=100)
    async with open_backend(shop, holder="a") as first, open_backend(shop, holder="b") as second:
        for number in range(10):
            await first.place(an_order(f"ord_{number:08}"), key=str(number))
        shop.clock.pass_seconds(61)
        # The lease runs out the moment it is had: both go at the same orders.
        await asyncio.gather(first.sweeper.sweep(), forget_leases(second), second.sweeper.sweep())
        await first.settle()
        orders = [await first.order(f"ord_{number:08}") for number in range(10)]
    assert {order.status for order in orders} == {OrderStatus.CONFIRMED}
    assert all(order.sequence == 1 for order in orders)
    assert shop.products.stock("LAMP") == 80


async def forget_leases(backend: Backend) -> None:
    async with backend.database.transaction("test") as connection:
        await connection.execute(Statement("DELETE FROM leases"))


@pytest.mark.fault(36, store=("sqlite", "postgres"))
async def test_an_order_that_cannot_be_read_is_parked_and_the_others_go_on(
    backend: Backend,
) -> None:
    for number in (1, 2):
        await backend.place(an_order(f"ord_{number:08}"), key=str(number))
    async with backend.database.transaction("test") as connection:
        await connection.execute(
            Statement("UPDATE orders SET address = '{}' WHERE id = 'ord_00000001'")
        )
    for _ in range(MAX_FAILED_ATTEMPTS + 1):
        backend.shop.clock.pass_seconds(61)
        await backend.sweeper.sweep()
    assert (await backend.order("ord_00000002")).status is OrderStatus.CONFIRMED
    assert await backend.orders.due_checkouts(latest=2**61, now=2**60, limit=10) == []


@pytest.mark.fault(36, store=("sqlite", "postgres"))
async def test_an_order_whose_step_fails_unexpectedly_is_parked_after_five_attempts(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[Step] = []

    async def fail(_: object, order: StoredOrder) -> None:
        attempts.append(order.step)
        raise RuntimeError("this was not foreseen")

    monkeypatch.setitem(STEPS, Step.TAKE, replace(STEPS[Step.TAKE], action=fail))
    await backend.place(an_order())
    for _ in range(MAX_FAILED_ATTEMPTS + 2):
        backend.shop.clock.pass_seconds(61)
        await backend.sweeper.sweep()
    assert attempts == [Step.TAKE] * MAX_FAILED_ATTEMPTS


@pytest.mark.fault(36, store=("sqlite", "postgres"))
async def test_failed_attempts_at_a_step_that_succeeded_are_forgotten(backend: Backend) -> None:
    order = await backend.place(an_order())
    for _ in range(MAX_FAILED_ATTEMPTS - 1):
        await backend.orders.count_failed_attempt(order.id, due_at=0)
    await backend.orders.save(order, order.at_step(Step.PAY), now=0, due_at=0)
    assert not await backend.orders.count_failed_attempt(order.id, due_at=0)


async def test_an_order_at_a_step_of_a_newer_version_is_left_alone(backend: Backend) -> None:
    """Replicas of both versions work on the same store while an update rolls out."""
    order = await backend.place(an_order())
    async with backend.database.transaction("test") as connection:
        await connection.execute(Statement("UPDATE orders SET step = 'gift-wrap'"))
    for _ in range(MAX_FAILED_ATTEMPTS + 1):
        backend.shop.clock.pass_seconds(61)
        await backend.sweeper.sweep()
    untouched = await backend.order()
    assert untouched == replace(order, step=Step.UNKNOWN)
    assert await backend.saga.run(untouched) == untouched
    async with backend.database.reading("test") as connection:
        assert await connection.scalar(Statement("SELECT strikes FROM orders")) == 0
        assert await connection.scalar(Statement("SELECT step FROM orders")) == "gift-wrap"


@pytest.mark.fault(36, store=("sqlite", "postgres"))
async def test_a_parcel_that_cannot_be_read_is_parked_and_the_others_go_on(
    backend: Backend,
) -> None:
    for number in (1, 2):
        order = await backend.place(an_order(f"ord_{number:08}"), key=str(number))
        backend.shop.carts.fill("user_ada", LAMP=2)
        await backend.saga.run(order)
        backend.shop.clock.pass_seconds(1)
    async with backend.database.transaction("test") as connection:
        await connection.execute(
            Statement("UPDATE orders SET lines = 'null' WHERE id = 'ord_00000001'")
        )
    for _ in range(MAX_FAILED_ATTEMPTS + 1):
        backend.shop.clock.pass_seconds(TIMINGS.courier / 1000)
        await backend.courier.move_due_parcels()
    assert (await backend.order("ord_00000002")).shipment_status is ShipmentStatus.DELIVERED
    assert await backend.orders.due_shipments(now=2**60, latest=2**61, limit=10) == []


async def test_a_failed_attempt_that_cannot_be_counted_stops_no_other_order(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        await backend.place(an_order(f"ord_{number:08}", quantity=1), key=str(number))
    async with backend.database.transaction("test") as connection:
        await connection.execute(
            Statement("UPDATE orders SET address = '{}' WHERE id = 'ord_00000000'")
        )

    async def away(*_: object, **__: object) -> bool:
        raise StoreUnavailable("The store is not answering.")

    monkeypatch.setattr(backend.orders, "count_failed_attempt", away)
    backend.shop.clock.pass_seconds(61)
    await backend.sweeper.sweep()
    for number in range(1, 5):
        assert (await backend.order(f"ord_{number:08}")).status is OrderStatus.CONFIRMED


async def test_a_resumed_order_without_a_definite_result_is_retried_soon(sqlite_shop: Shop) -> None:
    async with open_backend(sqlite_shop) as backend:
        await backend.place(an_order())
        sqlite_shop.products.trouble = lambda _: "busy"
        sqlite_shop.clock.pass_seconds(60)
        await backend.sweeper.sweep()
        sqlite_shop.products.trouble = lambda _: None
        sqlite_shop.clock.pass_seconds(5)
        await backend.sweeper.sweep()
        assert (await backend.order()).status is OrderStatus.CONFIRMED
