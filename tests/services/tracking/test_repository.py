"""The same behaviour over every store that can hold orders."""

import asyncio
from dataclasses import replace
from itertools import chain, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tracking.courier import NEXT_STOP
from services.tracking.models import (
    CheckoutOutcome,
    LatestOrder,
    OrderOrigin,
    OrderStatus,
    OutcomeKind,
    OwnersOrders,
    Reason,
    ShipmentStatus,
    Step,
    StoredOrder,
)
from services.tracking.repository import MAX_FAILED_ATTEMPTS, OrderChanged
from services.tracking.saga import STEPS
from tests.services.tracking.backend import NUMBERS, Backend, Shop, an_order, open_backend

CONFIRMED = CheckoutOutcome(OutcomeKind.CONFIRMED, '{"id": "x"}')
PENDING = CheckoutOutcome(OutcomeKind.PENDING, "{}")


async def test_an_order_comes_back_as_it_was_stored(backend: Backend) -> None:
    order = await backend.place(an_order())
    assert await backend.orders.get(order.id) == order


async def test_an_unknown_order_is_none(backend: Backend) -> None:
    assert await backend.orders.get("ord_99999999") is None


async def test_a_key_makes_one_order_of_an_owner(backend: Backend) -> None:
    await backend.place(an_order("ord_00000001"), key="k")
    second = await backend.add(an_order("ord_00000002"), key="k")
    assert (second, await backend.orders.get("ord_00000002")) == (False, None)


async def test_the_same_key_of_another_owner_is_another_key(backend: Backend) -> None:
    await backend.place(an_order("ord_00000001", owner="user_ada"), key="k")
    await backend.place(an_order("ord_00000002", owner="user_bob"), key="k")


async def test_of_twenty_parallel_adds_with_one_key_one_wins(backend: Backend) -> None:
    added = await asyncio.gather(
        *(backend.add(an_order(f"ord_{n:08}"), key="k") for n in range(20))
    )
    assert added.count(True) == 1


async def test_a_change_raises_the_version_and_keeps_the_event(backend: Backend) -> None:
    order = await backend.place(an_order())
    saved = await backend.orders.save(order, order.confirmed(now=5_000), now=5_000, due_at=9_000)
    assert saved.version == 2
    assert await backend.orders.get(order.id) == saved
    assert [event.status for event in saved.events] == [ShipmentStatus.CONFIRMED]


@pytest.mark.fault(37, store=("sqlite", "postgres"))
async def test_a_change_of_an_outdated_order_changes_nothing(backend: Backend) -> None:
    order = await backend.place(an_order())
    confirmed = await backend.orders.save(order, order.confirmed(now=1), now=1, due_at=1)
    cancelled = order.cancelled(Reason.SHOPPER, compensate_from=Step.REFUND, now=2)
    with pytest.raises(OrderChanged):
        await backend.orders.save(order, cancelled, now=2, due_at=2)
    assert await backend.orders.get(order.id) == confirmed


@pytest.mark.fault(37, store=("sqlite", "postgres"))
async def test_of_ten_parallel_changes_one_wins_and_one_event_is_written(
    backend: Backend,
) -> None:
    order = await backend.place(an_order())
    outcomes = await asyncio.gather(
        *(backend.orders.save(order, order.confirmed(now=n), now=n, due_at=n) for n in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, OrderChanged) for outcome in outcomes) == 9
    assert len((await backend.order()).events) == 1


def next_state(order: StoredOrder) -> StoredOrder | None:
    """What the saga, and then the courier, make of an order; None: nothing any more."""
    if order.is_final:
        return None
    if order.status is OrderStatus.CONFIRMED:
        return order.moved(NEXT_STOP[order.shipment_status], now=1)
    following = STEPS[order.step].then
    if order.status is OrderStatus.PENDING and following is Step.DONE:
        return order.confirmed(now=1)
    return order.at_step(following)


def life_of(order: StoredOrder, *, cancelled_at: int | None) -> list[StoredOrder]:
    """Every state of an order until it is final; cancelled at that version if it gets there."""
    states = [order]
    while True:
        after = next_state(states[-1])
        if states[-1].version == cancelled_at:
            after = states[-1].cancelled(Reason.SHOPPER, compensate_from=Step.REFUND, now=1)
        if after is None:
            return states
        states.append(replace(after, version=states[-1].version + 1, due_at=1))


async def deliver(url: str, cancelled_at: int | None, orders: list[list[int]]) -> None:
    """Make the changes of an order's life in each of ``orders``, in turn, and in these again."""
    number = next(NUMBERS)
    life = life_of(an_order(f"ord_{number:08}"), cancelled_at=cancelled_at)
    changes = list(pairwise(life))
    made = 0
    async with open_backend(Shop(url)) as backend:
        await backend.place(life[0], key=f"key-{number}")
        for index in chain(*orders, range(len(changes)), *orders):
            if index >= len(changes):
                continue
            before, after = changes[index]
            try:
                await backend.orders.save(before, after, now=1, due_at=1)
            except OrderChanged:
                assert index != made
            else:
                assert index == made
                made += 1
            assert await backend.orders.get(life[0].id) == life[made]
    assert made == len(changes)


@pytest.mark.fault(37, store=("sqlite", "postgres"))
async def test_changes_in_any_order_and_repeated_are_made_once_and_in_turn(shop: Shop) -> None:
    @settings(max_examples=20, deadline=None)
    @given(
        cancelled_at=st.none() | st.integers(1, 6),
        orders=st.lists(st.permutations(range(8)), min_size=1, max_size=3),
    )
    def hold(cancelled_at: int | None, orders: list[list[int]]) -> None:
        asyncio.run(deliver(shop.url, cancelled_at, orders))

    await asyncio.to_thread(hold)


async def test_the_first_outcome_is_kept(backend: Backend) -> None:
    order = await backend.place(an_order(), key="k")
    kept = await backend.orders.keep_outcome(order.id, CONFIRMED)
    again = await backend.orders.keep_outcome(order.id, PENDING)
    record = await backend.orders.idempotency_record(order.owner, "k")
    assert record is not None
    assert kept == again == record.outcome == CONFIRMED


async def test_a_later_decision_does_not_replace_the_outcome(backend: Backend) -> None:
    order = await backend.place(an_order(), key="k")
    await backend.orders.keep_outcome(order.id, PENDING)
    await backend.orders.save(order, order.confirmed(now=1), now=1, due_at=1, outcome=CONFIRMED)
    record = await backend.orders.idempotency_record(order.owner, "k")
    assert record is not None
    assert record.outcome == PENDING


async def test_pages_hold_every_order_once_newest_first(backend: Backend) -> None:
    # Three of each share a moment, so that the id has to decide.
    for number in range(9):
        order = an_order(f"ord_{number:08}", created_at=1000 + number // 3)
        await backend.place(order, key=str(number))
    await backend.place(an_order("ord_of_bob", owner="user_bob"))
    seen: list[str] = []
    after: tuple[int, str] | None = None
    while page := await backend.orders.page("user_ada", after=after, limit=2):
        seen += [order.id for order in page]
        after = (page[-1].created_at, page[-1].id)
    assert seen == [f"ord_{number:08}" for number in reversed(range(9))]


async def test_due_checkouts_are_those_whose_time_has_come(backend: Backend) -> None:
    still = await backend.place(an_order("ord_00000001"), key="1")
    done = await backend.place(an_order("ord_00000002"), key="2")
    await backend.orders.save(done, done.confirmed(now=1), now=1, due_at=1)
    assert await backend.orders.due_checkouts(latest=2**61, now=still.due_at - 1, limit=10) == []
    assert await backend.orders.due_checkouts(latest=2**61, now=still.due_at, limit=10) == [
        still.id
    ]


async def test_shipments_are_due_until_delivered(backend: Backend) -> None:
    order = await backend.place(an_order())
    order = await backend.orders.save(order, order.confirmed(now=1), now=1, due_at=5)
    assert await backend.orders.due_shipments(latest=2**61, now=4, limit=10) == []
    assert await backend.orders.due_shipments(latest=2**61, now=5, limit=10) == [order.id]
    delivered = order.moved(ShipmentStatus.DELIVERED, now=6)
    await backend.orders.save(order, delivered, now=6, due_at=6)
    assert await backend.orders.due_shipments(latest=2**61, now=99, limit=10) == []


async def test_too_many_failed_attempts_park_an_order(backend: Backend) -> None:
    order = await backend.place(an_order())
    parked = [
        await backend.orders.count_failed_attempt(order.id, due_at=0)
        for _ in range(MAX_FAILED_ATTEMPTS)
    ]
    assert parked == [False] * (MAX_FAILED_ATTEMPTS - 1) + [True]
    assert await backend.orders.due_checkouts(latest=2**61, now=2**60, limit=10) == []


async def test_an_attempt_at_an_order_that_does_not_exist_is_named(backend: Backend) -> None:
    with pytest.raises(LookupError, match="no order nowhere"):
        await backend.orders.count_failed_attempt("nowhere", due_at=0)


async def test_events_after_a_number_are_read_in_order(backend: Backend) -> None:
    order = await backend.place(an_order())
    order = await backend.orders.save(order, order.confirmed(now=1), now=1, due_at=1)
    # The clock was put back meanwhile.
    packed = order.moved(ShipmentStatus.PACKED, now=0)
    await backend.orders.save(order, packed, now=0, due_at=1)
    events = await backend.orders.events_after(order.id, 0)
    assert [(event.sequence, event.status) for event in events] == [
        (1, ShipmentStatus.CONFIRMED),
        (2, ShipmentStatus.PACKED),
    ]
    assert await backend.orders.events_after(order.id, 1) == events[1:]
    assert await backend.orders.latest_sequences([order.id, "ord_unknown"]) == {order.id: 2}


@pytest.mark.fault(38, store=("sqlite", "postgres"))
async def test_a_lease_has_one_holder_until_it_expires(backend: Backend) -> None:
    async def hold(holder: str, *, now: int) -> bool:
        return await backend.orders.hold_lease(
            "sweeper", holder=holder, now=now, expires_at=now + 10
        )

    assert await hold("a", now=0)
    assert not await hold("b", now=9)
    assert await hold("a", now=9)
    assert not await hold("b", now=18)
    assert await hold("b", now=19)


async def test_a_step_is_written_before_and_after(backend: Backend) -> None:
    order = await backend.place(an_order())
    await backend.orders.save(order, order.at_step(Step.PAY), now=1, due_at=1)
    assert await backend.steps() == [
        ("reserve", "started"),
        ("reserve", "done"),
        ("pay", "started"),
    ]


async def test_a_cancellation_is_written_too(backend: Backend) -> None:
    order = await backend.place(an_order())
    cancelled = order.cancelled(Reason.OUT_OF_STOCK, compensate_from=Step.RELEASE, now=1)
    saved = await backend.orders.save(order, cancelled, now=1, due_at=1)
    assert (saved.status, saved.reason) == (OrderStatus.CANCELLED, Reason.OUT_OF_STOCK)
    assert (await backend.steps())[1:] == [("reserve", "abandoned"), ("release", "started")]


async def test_saving_the_same_step_again_writes_no_log(backend: Backend) -> None:
    order = await backend.place(an_order())
    await backend.orders.save(order, replace(order), now=1, due_at=1)
    assert await backend.steps() == [("reserve", "started")]


FIRST = OrderOrigin(cart_version=7, cart_updated_at=1_000, ordinal=1)
SAME_CART_LATER = replace(FIRST, ordinal=2)
IN_BETWEEN = replace(FIRST, cart_version=8)
AFTER_EXPIRY = replace(FIRST, cart_updated_at=2_000, ordinal=2)
NEXT_CART = OrderOrigin(cart_version=8, cart_updated_at=2_000, ordinal=2)


@pytest.mark.parametrize("origin", [FIRST, SAME_CART_LATER, IN_BETWEEN])
async def test_an_origin_makes_one_order_that_is_not_cancelled(
    backend: Backend, origin: OrderOrigin
) -> None:
    order = an_order("ord_00000001")
    assert await backend.add(order, key="1", origin=FIRST)
    assert not await backend.add(an_order("ord_00000002"), key="2", origin=origin)
    assert await backend.orders.conflicting_order("user_ada", origin) == "ord_00000001"
    cancelled = order.cancelled(Reason.SHOPPER, compensate_from=Step.REFUND, now=2)
    await backend.orders.save(order, cancelled, now=2, due_at=2)
    assert await backend.orders.conflicting_order("user_ada", origin) is None
    assert await backend.add(an_order("ord_00000002"), key="2", origin=origin)


@pytest.mark.parametrize("origin", [AFTER_EXPIRY, NEXT_CART])
async def test_another_cart_makes_another_order(backend: Backend, origin: OrderOrigin) -> None:
    assert await backend.add(an_order("ord_00000001"), key="1", origin=FIRST)
    assert await backend.add(an_order("ord_00000002"), key="2", origin=origin)
    assert await backend.add(an_order("ord_bob_0001", owner="user_bob"), key="1", origin=FIRST)


async def test_of_twenty_parallel_adds_from_one_origin_one_wins(backend: Backend) -> None:
    added = await asyncio.gather(
        *(backend.add(an_order(f"ord_{n:08}"), key=str(n), origin=FIRST) for n in range(20))
    )
    assert added.count(True) == 1


async def test_the_latest_order_is_the_newest_that_is_not_cancelled(backend: Backend) -> None:
    assert await backend.orders.orders_of("user_ada") == OwnersOrders(None, 0, False)
    await backend.add(an_order("ord_00000001"), key="1", origin=FIRST)
    second = an_order("ord_00000002")
    await backend.add(second, key="2", origin=NEXT_CART)
    latest = LatestOrder("ord_00000002", OrderStatus.PENDING, NEXT_CART)
    assert (await backend.orders.orders_of("user_ada")).latest == latest
    cancelled = second.cancelled(Reason.SHOPPER, compensate_from=Step.REFUND, now=2)
    await backend.orders.save(second, cancelled, now=2, due_at=2)
    latest = LatestOrder("ord_00000001", OrderStatus.PENDING, FIRST)
    assert (await backend.orders.orders_of("user_ada")).latest == latest


async def test_a_number_makes_one_order_even_if_it_is_cancelled(backend: Backend) -> None:
    first = await backend.place(an_order("ord_00000001"), key="1")
    number = (await backend.orders.orders_of("user_ada")).last_number
    cancelled = first.cancelled(Reason.SHOPPER, compensate_from=Step.REFUND, now=2)
    await backend.orders.save(first, cancelled, now=2, due_at=2)
    values = {"payload_hash": "hash", "number": number}
    for owner, is_added in (("user_ada", False), ("user_bob", True)):
        order = an_order(f"ord_{owner}", owner=owner)
        assert await backend.orders.add(order, key="2", origin=FIRST, **values) is is_added


async def test_a_take_may_come_until_it_is_cancelled(backend: Backend) -> None:
    order = await backend.place(an_order())
    cancelled = order.cancelled(Reason.SHOPPER, compensate_from=Step.CANCEL_TAKE, now=2)
    cancelled = await backend.orders.save(order, cancelled, now=2, due_at=2)
    assert (await backend.orders.orders_of("user_ada")).take_may_come
    assert not (await backend.orders.orders_of("user_bob")).take_may_come
    await backend.orders.save(cancelled, cancelled.at_step(Step.REFUND), now=3, due_at=3)
    assert not (await backend.orders.orders_of("user_ada")).take_may_come
