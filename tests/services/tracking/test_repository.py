"""The same behaviour over every store that can hold orders."""

import asyncio
from dataclasses import replace

import pytest

from services.tracking.models import (
    Basis,
    LatestOrder,
    Reason,
    Reply,
    ShipmentStatus,
    Status,
    Step,
)
from services.tracking.repository import MAX_STRIKES, OrderChanged
from tests.services.tracking.workshop import Workshop, an_order

CONFIRMED = Reply(status=201, body='{"id": "x"}')


async def test_an_order_comes_back_as_it_was_stored(workshop: Workshop) -> None:
    order = await workshop.place(an_order())
    assert await workshop.orders.get(order.id) == order


async def test_an_unknown_order_is_none(workshop: Workshop) -> None:
    assert await workshop.orders.get("ord_99999999") is None


async def test_a_key_makes_one_order_of_an_owner(workshop: Workshop) -> None:
    await workshop.place(an_order("ord_00000001"), key="k")
    second = await workshop.add(an_order("ord_00000002"), key="k")
    assert (second, await workshop.orders.get("ord_00000002")) == (False, None)


async def test_the_same_key_of_another_owner_is_another_key(workshop: Workshop) -> None:
    await workshop.place(an_order("ord_00000001", owner="user_ada"), key="k")
    await workshop.place(an_order("ord_00000002", owner="user_bob"), key="k")


async def test_of_twenty_parallel_adds_with_one_key_one_wins(workshop: Workshop) -> None:
    added = await asyncio.gather(
        *(workshop.add(an_order(f"ord_{n:08}"), key="k") for n in range(20))
    )
    assert added.count(True) == 1


async def test_a_change_raises_the_version_and_keeps_the_event(workshop: Workshop) -> None:
    order = await workshop.place(an_order())
    saved = await workshop.orders.save(order, order.confirmed(now=5_000), now=5_000, due_at=9_000)
    assert saved.version == 2
    assert await workshop.orders.get(order.id) == saved
    assert [event.status for event in saved.events] == [ShipmentStatus.CONFIRMED]


async def test_a_change_of_an_outdated_order_changes_nothing(workshop: Workshop) -> None:
    order = await workshop.place(an_order())
    confirmed = await workshop.orders.save(order, order.confirmed(now=1), now=1, due_at=1)
    cancelled = order.cancelled(Reason.SHOPPER, undo_from=Step.REFUND, now=2)
    with pytest.raises(OrderChanged):
        await workshop.orders.save(order, cancelled, now=2, due_at=2)
    assert await workshop.orders.get(order.id) == confirmed


async def test_of_ten_parallel_changes_one_wins_and_one_event_is_written(
    workshop: Workshop,
) -> None:
    order = await workshop.place(an_order())
    outcomes = await asyncio.gather(
        *(workshop.orders.save(order, order.confirmed(now=n), now=n, due_at=n) for n in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, OrderChanged) for outcome in outcomes) == 9
    assert len((await workshop.order()).events) == 1


async def test_the_first_reply_is_kept(workshop: Workshop) -> None:
    order = await workshop.place(an_order(), key="k")
    kept = await workshop.orders.keep_reply(order.id, CONFIRMED)
    again = await workshop.orders.keep_reply(order.id, Reply(status=202, body="{}"))
    receipt = await workshop.orders.receipt(order.owner, "k")
    assert receipt is not None
    assert kept == again == receipt.reply == CONFIRMED


async def test_a_later_decision_does_not_replace_the_reply(workshop: Workshop) -> None:
    order = await workshop.place(an_order(), key="k")
    await workshop.orders.keep_reply(order.id, Reply(status=202, body="{}"))
    await workshop.orders.save(order, order.confirmed(now=1), now=1, due_at=1, reply=CONFIRMED)
    receipt = await workshop.orders.receipt(order.owner, "k")
    assert receipt is not None
    assert receipt.reply == Reply(status=202, body="{}")


async def test_pages_hold_every_order_once_newest_first(workshop: Workshop) -> None:
    # Three of each share a moment, so that the id has to decide.
    for number in range(9):
        order = an_order(f"ord_{number:08}", created_at=1000 + number // 3)
        await workshop.place(order, key=str(number))
    await workshop.place(an_order("ord_of_bob", owner="user_bob"))
    seen: list[str] = []
    after: tuple[int, str] | None = None
    while page := await workshop.orders.page("user_ada", after=after, limit=2):
        seen += [order.id for order in page]
        after = (page[-1].created_at, page[-1].id)
    assert seen == [f"ord_{number:08}" for number in reversed(range(9))]


async def test_only_unfinished_orders_whose_time_has_come_are_found(workshop: Workshop) -> None:
    still = await workshop.place(an_order("ord_00000001"), key="1")
    done = await workshop.place(an_order("ord_00000002"), key="2")
    await workshop.orders.save(done, done.confirmed(now=1), now=1, due_at=1)
    assert await workshop.orders.unfinished(latest=2**61, now=still.due_at - 1, limit=10) == []
    assert await workshop.orders.unfinished(latest=2**61, now=still.due_at, limit=10) == [still.id]


async def test_confirmed_orders_are_under_way_until_delivered(workshop: Workshop) -> None:
    order = await workshop.place(an_order())
    order = await workshop.orders.save(order, order.confirmed(now=1), now=1, due_at=5)
    assert await workshop.orders.under_way(latest=2**61, now=4, limit=10) == []
    assert await workshop.orders.under_way(latest=2**61, now=5, limit=10) == [order.id]
    delivered = order.moved(ShipmentStatus.DELIVERED, now=6)
    await workshop.orders.save(order, delivered, now=6, due_at=6)
    assert await workshop.orders.under_way(latest=2**61, now=99, limit=10) == []


async def test_too_many_strikes_park_an_order(workshop: Workshop) -> None:
    order = await workshop.place(an_order())
    parked = [await workshop.orders.strike(order.id, due_at=0) for _ in range(MAX_STRIKES)]
    assert parked == [False] * (MAX_STRIKES - 1) + [True]
    assert await workshop.orders.unfinished(latest=2**61, now=2**60, limit=10) == []


async def test_events_after_a_number_are_read_in_order(workshop: Workshop) -> None:
    order = await workshop.place(an_order())
    order = await workshop.orders.save(order, order.confirmed(now=1), now=1, due_at=1)
    # The clock was put back meanwhile.
    packed = order.moved(ShipmentStatus.PACKED, now=0)
    await workshop.orders.save(order, packed, now=0, due_at=1)
    events = await workshop.orders.events_after(order.id, 0)
    assert [(event.sequence, event.status) for event in events] == [
        (1, ShipmentStatus.CONFIRMED),
        (2, ShipmentStatus.PACKED),
    ]
    assert await workshop.orders.events_after(order.id, 1) == events[1:]
    assert await workshop.orders.sequences([order.id, "ord_unknown"]) == {order.id: 2}


async def test_a_lease_has_one_holder_until_it_runs_out(workshop: Workshop) -> None:
    async def hold(holder: str, *, now: int) -> bool:
        return await workshop.orders.hold_lease(
            "sweeper", holder=holder, now=now, expires_at=now + 10
        )

    assert await hold("a", now=0)
    assert not await hold("b", now=9)
    assert await hold("a", now=9)
    assert not await hold("b", now=18)
    assert await hold("b", now=19)


async def test_a_step_is_written_before_and_after(workshop: Workshop) -> None:
    order = await workshop.place(an_order())
    await workshop.orders.save(order, order.at_step(Step.PAY), now=1, due_at=1)
    assert await workshop.steps() == [
        ("reserve", "started"),
        ("reserve", "done"),
        ("pay", "started"),
    ]


async def test_a_decision_against_is_written_too(workshop: Workshop) -> None:
    order = await workshop.place(an_order())
    cancelled = order.cancelled(Reason.OUT_OF_STOCK, undo_from=Step.RELEASE, now=1)
    saved = await workshop.orders.save(order, cancelled, now=1, due_at=1)
    assert (saved.status, saved.reason) == (Status.CANCELLED, Reason.OUT_OF_STOCK)
    assert (await workshop.steps())[1:] == [("reserve", "abandoned"), ("release", "started")]


async def test_saving_the_same_step_again_writes_no_log(workshop: Workshop) -> None:
    order = await workshop.place(an_order())
    await workshop.orders.save(order, replace(order), now=1, due_at=1)
    assert await workshop.steps() == [("reserve", "started")]


FIRST = Basis(cart_version=7, cart_updated_at=1_000, ordinal=1)
SAME_CART_LATER = replace(FIRST, ordinal=2)
IN_BETWEEN = replace(FIRST, cart_version=8)
AFTER_EXPIRY = replace(FIRST, cart_updated_at=2_000, ordinal=2)
NEXT_CART = Basis(cart_version=8, cart_updated_at=2_000, ordinal=2)


@pytest.mark.parametrize("basis", [FIRST, SAME_CART_LATER, IN_BETWEEN])
async def test_a_basis_makes_one_order_that_is_not_cancelled(
    workshop: Workshop, basis: Basis
) -> None:
    order = an_order("ord_00000001")
    assert await workshop.add(order, key="1", basis=FIRST)
    assert not await workshop.add(an_order("ord_00000002"), key="2", basis=basis)
    assert await workshop.orders.rival("user_ada", basis) == "ord_00000001"
    cancelled = order.cancelled(Reason.SHOPPER, undo_from=Step.REFUND, now=2)
    await workshop.orders.save(order, cancelled, now=2, due_at=2)
    assert await workshop.orders.rival("user_ada", basis) is None
    assert await workshop.add(an_order("ord_00000002"), key="2", basis=basis)


@pytest.mark.parametrize("basis", [AFTER_EXPIRY, NEXT_CART])
async def test_another_cart_makes_another_order(workshop: Workshop, basis: Basis) -> None:
    assert await workshop.add(an_order("ord_00000001"), key="1", basis=FIRST)
    assert await workshop.add(an_order("ord_00000002"), key="2", basis=basis)
    assert await workshop.add(an_order("ord_bob_0001", owner="user_bob"), key="1", basis=FIRST)


async def test_of_twenty_parallel_adds_from_one_basis_one_wins(workshop: Workshop) -> None:
    added = await asyncio.gather(
        *(workshop.add(an_order(f"ord_{n:08}"), key=str(n), basis=FIRST) for n in range(20))
    )
    assert added.count(True) == 1


async def test_the_latest_order_is_the_newest_that_is_not_cancelled(workshop: Workshop) -> None:
    assert await workshop.orders.latest("user_ada") is None
    await workshop.add(an_order("ord_00000001"), key="1", basis=FIRST)
    second = an_order("ord_00000002")
    await workshop.add(second, key="2", basis=NEXT_CART)
    latest = LatestOrder("ord_00000002", Status.PENDING, NEXT_CART)
    assert await workshop.orders.latest("user_ada") == latest
    cancelled = second.cancelled(Reason.SHOPPER, undo_from=Step.REFUND, now=2)
    await workshop.orders.save(second, cancelled, now=2, due_at=2)
    latest = LatestOrder("ord_00000001", Status.PENDING, FIRST)
    assert await workshop.orders.latest("user_ada") == latest
