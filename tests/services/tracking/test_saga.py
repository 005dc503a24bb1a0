"""The checkout under everything that can go wrong between two of its steps."""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.tracking.models import OrderStatus, PaymentMode, Reason, Step
from services.tracking.repository import OrderChanged
from services.tracking.saga import STEPS
from tests.services.tracking.backend import Backend, Shop, an_order, open_backend
from tests.services.tracking.fake_upstreams import down

FORWARD = (Step.RESERVE, Step.PAY, Step.COMMIT, Step.TAKE)
BACKWARD = (Step.REFUND, Step.RELEASE)
POINTS = [f"{when}-{step}" for step in (*FORWARD, *BACKWARD) for when in ("before", "after")]
POINTS_OF_CANCEL_TAKE = [f"{when}-{Step.CANCEL_TAKE}" for when in ("before", "after")]


class Crash(BaseException):
    """The process is gone."""


def crash_at(*points: str) -> Callable[[str], None]:
    """Dies at each of ``points``, once, in whatever order they are reached."""
    left = Counter(points)

    def crash(point: str) -> None:
        if left[point] > 0:
            left[point] -= 1
            raise Crash(point)

    return crash


async def test_a_checkout_ends_confirmed_with_stock_sold_money_taken_and_cart_emptied(
    backend: Backend,
) -> None:
    order = await backend.saga.run(await backend.place(an_order()))
    assert (order.status, order.step, order.sequence) == (OrderStatus.CONFIRMED, Step.DONE, 1)
    assert backend.shop.products.stock("LAMP") == 8
    assert backend.shop.products.reservations[order.id][0] == "committed"
    assert backend.shop.carts.lines["user_ada"] == {}
    assert await backend.money_kept() == 1000


async def test_every_step_is_recorded_before_and_after(backend: Backend) -> None:
    await backend.saga.run(await backend.place(an_order()))
    expected = [(step, event) for step in FORWARD for event in ("started", "done")]
    assert sorted(await backend.steps()) == sorted(expected)


async def test_an_order_that_is_out_of_stock_is_not_charged(backend: Backend) -> None:
    backend.shop.products.catalogue["LAMP"].stock = 1
    order = await backend.saga.run(await backend.place(an_order()))
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, Reason.OUT_OF_STOCK)
    assert backend.shop.products.stock("LAMP") == 1
    assert await backend.money_kept() == 0
    assert backend.shop.carts.lines["user_ada"] == {"LAMP": 2}


async def test_a_declined_payment_gives_the_stock_back(sqlite_shop: Shop) -> None:
    async with open_backend(sqlite_shop, payment_mode="decline") as backend:
        order = await backend.saga.run(await backend.place(an_order()))
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, Reason.PAYMENT_DECLINED)
    assert sqlite_shop.products.stock("LAMP") == 10


async def test_a_reservation_that_expired_before_it_was_sold_gives_the_money_back(
    sqlite_shop: Shop,
) -> None:
    async with open_backend(sqlite_shop) as backend:

        def expire_before_commit(operation: str) -> str | None:
            if operation == "commit":
                sqlite_shop.products.expire("ord_00000001")
            return None

        sqlite_shop.products.trouble = expire_before_commit
        order = await backend.saga.run(await backend.place(an_order()))
        assert (order.status, order.reason) == (OrderStatus.CANCELLED, Reason.RESERVATION_LOST)
        assert await backend.money_kept() == 0
        assert sqlite_shop.products.stock("LAMP") == 10


async def test_a_charge_whose_response_never_comes_is_looked_up(
    sqlite_shop: Shop,
) -> None:
    async with open_backend(sqlite_shop, payment_mode="timeout") as backend:
        order = await backend.saga.run(await backend.place(an_order()))
        assert order.status is OrderStatus.CONFIRMED
        assert await backend.money_kept() == 1000


async def test_a_charge_that_never_arrived_is_made_again(sqlite_shop: Shop) -> None:
    luck = iter([0.1, 0.9])
    async with open_backend(
        sqlite_shop, payment_mode="flaky", chance=lambda: next(luck)
    ) as backend:
        order = await backend.saga.run(await backend.place(an_order()))
        assert order.status is OrderStatus.CONFIRMED
        assert await backend.money_kept() == 1000


@pytest.mark.parametrize("operation", ["reserve", "commit"])
async def test_a_step_whose_response_was_lost_is_retried(sqlite_shop: Shop, operation: str) -> None:
    lost = iter(["lost"])
    sqlite_shop.products.trouble = lambda op: next(lost, None) if op == operation else None
    async with open_backend(sqlite_shop) as backend:
        order = await backend.saga.run(await backend.place(an_order()))
    assert order.status is OrderStatus.CONFIRMED
    assert sqlite_shop.products.stock("LAMP") == 8


async def test_a_cart_service_that_is_down_delays_the_order_and_does_not_undo_it(
    sqlite_shop: Shop,
) -> None:
    sqlite_shop.carts.trouble = down
    async with open_backend(sqlite_shop) as backend:
        order = await backend.saga.run(await backend.place(an_order()))
        assert (order.status, order.step) == (OrderStatus.PENDING, Step.TAKE)
        sqlite_shop.clock.pass_seconds(3600)
        await backend.sweeper.sweep()
        assert (await backend.order()).status is OrderStatus.PENDING
        sqlite_shop.carts.trouble = lambda _: None
        await backend.settle()
        assert (await backend.order()).status is OrderStatus.CONFIRMED
        assert sqlite_shop.carts.lines["user_ada"] == {}


async def test_a_checkout_that_stays_unclear_is_given_up_and_undone(sqlite_shop: Shop) -> None:
    async with open_backend(sqlite_shop) as backend:
        sqlite_shop.products.trouble = lambda op: "unreached" if op == "commit" else None
        order = await backend.saga.run(await backend.place(an_order()))
        assert (order.status, order.step) == (OrderStatus.PENDING, Step.COMMIT)
        sqlite_shop.clock.pass_seconds(301)
        await backend.sweeper.sweep()
        order = await backend.order()
        assert (order.status, order.step, order.reason) == (
            OrderStatus.CANCELLED,
            Step.DONE,
            Reason.GAVE_UP,
        )
        assert sqlite_shop.products.stock("LAMP") == 10
        assert await backend.money_kept() == 0


async def test_a_reserve_that_arrives_after_the_release_takes_nothing(sqlite_shop: Shop) -> None:
    async with open_backend(sqlite_shop) as backend:
        order = await backend.place(an_order())
        cancelled = await backend.saga.cancel(order, Reason.SHOPPER)
        await backend.saga.run(cancelled)
        with pytest.raises(OrderChanged):
            await backend.saga.run(order)
        assert sqlite_shop.products.stock("LAMP") == 10


async def test_a_charge_that_arrives_after_the_refund_takes_nothing(sqlite_shop: Shop) -> None:
    async with open_backend(sqlite_shop) as backend:
        order = await backend.place(an_order())
        paying = await backend.orders.save(order, order.at_step(Step.PAY), now=1, due_at=1)
        await backend.saga.run(await backend.saga.cancel(paying, Reason.SHOPPER))
        with pytest.raises(OrderChanged):
            await backend.saga.run(paying)
        assert await backend.money_kept() == 0


async def test_a_take_that_arrives_after_the_cancellation_takes_nothing(sqlite_shop: Shop) -> None:
    """It would take what the shopper has put into the cart since, perhaps for another order."""
    sqlite_shop.carts.trouble = down
    async with open_backend(sqlite_shop) as backend:
        order = await backend.saga.run(await backend.place(an_order()))
        sqlite_shop.carts.trouble = lambda _: None
        cancelled = await backend.saga.run(await backend.saga.cancel(order, Reason.SHOPPER))
        assert cancelled.step is Step.DONE
        cart = dict(sqlite_shop.carts.lines["user_ada"])
        late = backend.saga.participants.cart
        await late.take(order.id, subject=order.owner, lines=order.lines)
        assert sqlite_shop.carts.lines["user_ada"] == cart
        assert await backend.money_kept() == 0


def test_every_step_that_can_be_refused_has_a_compensation() -> None:
    backward = {Step.CANCEL_TAKE, *BACKWARD}
    assert set(STEPS) == {*FORWARD, *backward}
    assert all(STEPS[step].compensation in backward for step in FORWARD)


async def check_nothing_is_lost(backend: Backend, *, stock: int) -> None:
    """The whole point: stock, money and cart agree with the decision."""
    shop, order = backend.shop, await backend.order()
    assert order.step is Step.DONE
    is_confirmed = order.status is OrderStatus.CONFIRMED
    assert is_confirmed or order.status is OrderStatus.CANCELLED
    assert shop.products.stock("LAMP") == stock - (2 if is_confirmed else 0)
    assert await backend.money_kept() == (1000 if is_confirmed else 0)
    events = [event.sequence for event in order.events]
    assert events == list(range(1, order.sequence + 1))
    if is_confirmed:
        assert shop.carts.lines["user_ada"] == {}


@pytest.mark.fault(28, store=("sqlite", "postgres"))
@pytest.mark.parametrize("point", POINTS[:8])
async def test_a_crash_going_forward_ends_confirmed(shop: Shop, point: str) -> None:
    async with open_backend(shop, crash_points=crash_at(point)) as backend:
        with pytest.raises(Crash):
            await backend.saga.run(await backend.place(an_order()))
    async with open_backend(shop, holder="two") as backend:
        await backend.settle()
        await check_nothing_is_lost(backend, stock=10)
        assert (await backend.order()).status is OrderStatus.CONFIRMED


@pytest.mark.fault(28, store=("sqlite", "postgres"))
@pytest.mark.parametrize("point", POINTS[8:])
async def test_a_crash_while_undoing_ends_cancelled(shop: Shop, point: str) -> None:
    async with open_backend(shop, crash_points=crash_at(point), payment_mode="decline") as backend:
        with pytest.raises(Crash):
            await backend.saga.run(await backend.place(an_order()))
    async with open_backend(shop, holder="two") as backend:
        await backend.settle()
        await check_nothing_is_lost(backend, stock=10)
        assert (await backend.order()).status is OrderStatus.CANCELLED


@pytest.mark.fault(28, store=("sqlite", "postgres"))
@pytest.mark.parametrize("point", [*POINTS_OF_CANCEL_TAKE, *POINTS[8:]])
async def test_a_crash_while_a_cancelled_take_is_undone_ends_cancelled(
    shop: Shop, point: str
) -> None:
    shop.carts.trouble = down
    async with open_backend(shop, crash_points=crash_at(point)) as backend:
        order = await backend.saga.run(await backend.place(an_order()))
        shop.carts.trouble = lambda _: None
        with pytest.raises(Crash):
            await backend.saga.run(await backend.saga.cancel(order, Reason.SHOPPER))
    async with open_backend(shop, holder="two") as backend:
        await backend.settle()
        await check_nothing_is_lost(backend, stock=10)
        assert shop.carts.lines["user_ada"] == {"LAMP": 2}


TROUBLES = st.sampled_from([None, None, "unreached", "lost", "busy"])


@pytest.mark.fault(28)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    crashes=st.lists(st.sampled_from([*POINTS, *POINTS_OF_CANCEL_TAKE]), max_size=6),
    troubles=st.lists(TROUBLES, max_size=12),
    payment_mode=st.sampled_from(["succeed", "decline", "timeout", "flaky"]),
    luck=st.lists(st.floats(0, 1), max_size=6),
    stock=st.sampled_from([1, 2, 10]),
    cancelled_after=st.none() | st.integers(0, 3),
)
def test_no_crash_and_no_lost_response_loses_or_doubles_anything(
    crashes: list[str],
    troubles: list[str | None],
    payment_mode: PaymentMode,
    luck: list[float],
    stock: int,
    cancelled_after: int | None,
    empty_store: Path,
) -> None:
    async def story() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = shutil.copy(empty_store, folder)
            shop = Shop(f"sqlite:///{store}")
            shop.products.add("LAMP", price=500, stock=stock)
            shop.carts.fill("user_ada", LAMP=2)
            left, dice = iter(troubles), iter(luck)
            for neighbour in (shop.products, shop.carts):
                neighbour.trouble = lambda _: next(left, None)
            crash_points = crash_at(*crashes)
            for life in range(len(crashes) + 1):
                async with open_backend(
                    shop,
                    crash_points=crash_points,
                    payment_mode=payment_mode,
                    chance=lambda: next(dice, 0.9),
                    holder=str(life),
                ) as backend:
                    await live(backend, is_first=life == 0, is_cancelled=life == cancelled_after)
            async with open_backend(shop, holder="last", payment_mode=payment_mode) as backend:
                await backend.settle()
                await check_nothing_is_lost(backend, stock=stock)

    asyncio.run(story())


async def live(backend: Backend, *, is_first: bool, is_cancelled: bool) -> None:
    """One process's life: the first takes the order, the others sweep; any may crash."""
    try:
        if is_first:
            await backend.saga.run(await backend.place(an_order()))
        order = await backend.order()
        if is_cancelled and order.status is not OrderStatus.CANCELLED:
            await backend.saga.run(await backend.saga.cancel(order, Reason.SHOPPER))
        backend.shop.clock.pass_seconds(61)
        await backend.sweeper.sweep()
    except* Crash:
        pass
