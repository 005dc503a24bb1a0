"""Cancelling, and the courier who may be quicker."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.stores.clock import machine_clock
from app.stores.statements import Statement
from services.tracking.models import OrderStatus, ShipmentStatus
from services.tracking.repository import MAX_FAILED_ATTEMPTS
from tests.services.tracking.backend import (
    TIMINGS,
    Backend,
    Shop,
    an_order,
    eventually,
    open_backend,
)
from tests.services.tracking.fake_upstreams import down
from tests.services.tracking.running_service import RunningService, run_service

LATER = machine_clock() + 30 * 60 * 1000
"""Later than any of these tests takes, sooner than the courier of `tracking_settings` comes."""
"""Not within this test: in the year 2096."""
JOURNEY = ["confirmed", "packed", "shipped", "out_for_delivery", "delivered"]


@pytest.fixture
async def service(sqlite_shop: Shop) -> AsyncIterator[RunningService]:
    async with run_service(sqlite_shop) as opened:
        yield opened


async def test_a_cancelled_order_gives_back_stock_and_money(service: RunningService) -> None:
    order = (await service.customer().check_out()).json()
    answer = await service.customer().cancel(order["id"])
    assert answer.status_code == 200
    cancelled = answer.json()
    assert (cancelled["status"], cancelled["reason"]) == ("cancelled", "shopper")
    assert [event["status"] for event in cancelled["shipment"]["events"]] == [
        "confirmed",
        "cancelled",
    ]
    assert service.shop.products.stock("LAMP") == 10
    async with open_backend(service.shop) as backend:
        assert await backend.money_kept(order["id"]) == 0


async def test_cancelling_an_order_can_be_repeated(service: RunningService) -> None:
    order_id = (await service.customer().check_out()).json()["id"]
    first = await service.customer().cancel(order_id)
    again = await service.customer().cancel(order_id)
    assert (again.status_code, again.json()) == (200, first.json())
    assert service.shop.products.stock("LAMP") == 10


async def test_an_order_at_a_step_of_a_newer_version_is_shown_and_not_cancelled(
    service: RunningService,
) -> None:
    """What cancelling it takes, only a replica of that version knows."""
    order = (await service.customer().check_out()).json()
    async with (
        open_backend(service.shop) as backend,
        backend.database.transaction("test") as connection,
    ):
        await connection.execute(Statement("UPDATE orders SET step = 'gift-wrap'"))
    refused = await service.customer().cancel(order["id"])
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:cartwheel:problem:in-progress"
    assert (await service.customer().get(f"/v1/orders/{order['id']}")).json() == order


async def test_a_pending_order_can_be_cancelled(sqlite_shop: Shop) -> None:
    async with run_service(
        sqlite_shop, payment_mode="slow", payment_delay=0.3, checkout_patience=0.1
    ) as service:
        order = (await service.customer().check_out()).json()
        assert order["status"] == "pending"
        await service.customer().cancel(order["id"])
        path = f"/v1/orders/{order['id']}"
        assert (await service.customer().get(path)).json()["status"] == "cancelled"

    async with open_backend(sqlite_shop) as backend:
        await backend.settle()
        assert await backend.money_kept(order["id"]) == 0
        assert (await backend.order(order["id"])).status is OrderStatus.CANCELLED
    assert sqlite_shop.products.stock("LAMP") == 10


async def test_an_order_is_cancelled_even_if_its_stock_cannot_be_released_yet(
    sqlite_shop: Shop,
) -> None:
    async with run_service(sqlite_shop, retry_seconds=0.1) as service:
        order_id = (await service.customer().check_out()).json()["id"]
        sqlite_shop.products.trouble = down
        answer = await service.customer().cancel(order_id)
        assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
        sqlite_shop.products.trouble = lambda _: None

        async def stock_is_back() -> bool:
            return sqlite_shop.products.stock("LAMP") == 10

        await eventually(stock_is_back)


async def test_a_shipped_order_cannot_be_cancelled(sqlite_shop: Shop) -> None:
    async with run_service(sqlite_shop, courier_step_seconds=0.02) as service:
        order_id = (await service.customer().check_out()).json()["id"]

        async def is_delivered() -> bool:
            order = (await service.customer().get(f"/v1/orders/{order_id}")).json()
            return bool(order["shipment"]["status"] == "delivered")

        await eventually(is_delivered)
        answer = await service.customer().cancel(order_id)
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:cartwheel:problem:already-shipped"
        order = (await service.customer().get(f"/v1/orders/{order_id}")).json()
    events = order["shipment"]["events"]
    assert [event["status"] for event in events] == JOURNEY
    assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5]


@pytest.mark.fault(54, store=("sqlite", "postgres"))
async def test_when_cancel_and_ship_race_exactly_one_wins(shop: Shop) -> None:
    async with run_service(shop) as service, open_backend(shop) as backend:
        for number in range(10):
            shop.carts.fill("user_ada", LAMP=1)
            answer = await service.customer().check_out(
                {"amount": 500, "currency": "EUR"}, key=str(number)
            )
            order_id = answer.json()["id"]
            await move_to(ShipmentStatus.PACKED, backend, order_id)
            order = await backend.order(order_id)
            shipped = order.moved(ShipmentStatus.SHIPPED, now=order.due_at)
            cancelled, moved = await asyncio.gather(
                service.customer().cancel(order_id),
                backend.orders.save(order, shipped, now=order.due_at, due_at=order.due_at),
                return_exceptions=True,
            )
            assert not isinstance(cancelled, BaseException)
            is_cancelled = cancelled.status_code == 200
            assert is_cancelled == isinstance(moved, Exception)
            order = await backend.order(order_id)
            last = ShipmentStatus.CANCELLED if is_cancelled else ShipmentStatus.SHIPPED
            assert order.events[-1].status is last
            if not is_cancelled:
                assert cancelled.status_code == 409
                shop.products.catalogue["LAMP"].stock += 1
            assert shop.products.stock("LAMP") == 10


async def move_to(status: ShipmentStatus, backend: Backend, order_id: str) -> None:
    order = await backend.order(order_id)
    moved = order.moved(status, now=order.due_at)
    await backend.orders.save(order, moved, now=order.due_at, due_at=LATER)


async def test_a_parcel_moves_one_stop_a_round_and_only_when_due(backend: Backend) -> None:
    await backend.saga.run(await backend.place(an_order()))
    seen = []
    for _ in range(6):
        await backend.courier.move_due_parcels()
        await backend.courier.move_due_parcels()
        seen.append((await backend.order()).shipment_status)
        backend.shop.clock.pass_seconds(TIMINGS.courier / 1000)
    assert seen == [*JOURNEY, "delivered"]


@pytest.mark.fault(38, store=("sqlite", "postgres"))
async def test_five_couriers_move_a_parcel_once(shop: Shop) -> None:
    async with open_backend(shop) as backend:
        await backend.saga.run(await backend.place(an_order()))
        shop.clock.pass_seconds(4)
        async with (
            open_backend(shop) as second,
            open_backend(shop) as third,
        ):
            couriers = [each.courier for each in (backend, second, third)]
            await asyncio.gather(*(courier.move_due_parcels() for courier in couriers * 3))
        order = await backend.order()
    assert [event.status for event in order.events] == ["confirmed", "packed"]


@pytest.mark.fault(33)
async def test_a_clock_that_is_put_back_does_not_disturb_the_order_of_events(
    backend: Backend,
) -> None:
    await backend.saga.run(await backend.place(an_order()))
    backend.shop.clock.pass_seconds(4)
    await backend.courier.move_due_parcels()
    order = await backend.order()
    moved = order.moved(ShipmentStatus.SHIPPED, now=0)
    await backend.orders.save(order, moved, now=0, due_at=0)
    order = await backend.order()
    assert [event.status for event in order.events] == JOURNEY[:3]
    assert [event.sequence for event in order.events] == [1, 2, 3]


@pytest.mark.fault(36, store=("sqlite", "postgres"))
async def test_a_parcel_that_cannot_be_moved_is_parked_and_the_others_go_on(
    backend: Backend,
) -> None:
    backend.shop.products.add("LAMP", price=500, stock=100)
    for number in (1, 2):
        await backend.saga.run(await backend.place(an_order(f"ord_{number:08}"), key=str(number)))
    async with backend.database.transaction("test") as connection:
        await connection.execute(
            Statement("UPDATE orders SET lines = 'not json' WHERE id = 'ord_00000001'")
        )
    for _ in range(MAX_FAILED_ATTEMPTS + 2):
        backend.shop.clock.pass_seconds(5)
        await backend.courier.move_due_parcels()
    assert (await backend.order("ord_00000002")).shipment_status is ShipmentStatus.DELIVERED
    async with backend.database.reading("test") as connection:
        strikes = await connection.scalar(
            Statement("SELECT strikes FROM orders ORDER BY id LIMIT 1")
        )
        assert strikes == MAX_FAILED_ATTEMPTS
