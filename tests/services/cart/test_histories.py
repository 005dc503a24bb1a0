"""What concurrent clients see of a cart is what a cart of one client at a time could show."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from cartwheel.consistency import BookedCart, BookedOrder, Books, OrderedLine, check
from loadtest.history import Operation, Outcome
from services.cart.models import Cart, CartLimit, Line
from services.cart.repository import CartRepository
from tests.services.cart.conftest import open_carts

SKUS = ("MUG", "LAMP", "BELL")
CLIENTS = 4
OPERATIONS = 25

pytestmark = pytest.mark.fault(56, store=("sqlite", "valkey"))


@dataclass
class Recorder:
    """Runs operations on carts, and keeps what each client saw."""

    history: list[Operation] = field(default_factory=list)
    orders: list[BookedOrder] = field(default_factory=list)

    async def cart(
        self, client: int, owner: str, call: str, input: Mapping[str, Any], change: Awaitable[Cart]
    ) -> Cart | None:
        called_at = time.monotonic()
        try:
            cart = await change
        except CartLimit:
            return None
        output = {"version": cart.version, "lines": cart.quantities}
        self._record(client, f"cart/{owner}", call, input, output, called_at)
        return cart

    async def check_out(self, client: int, owner: str, carts: CartRepository) -> None:
        """Read the cart and later take what was in it, as a checkout does."""
        called_at = time.monotonic()
        ordered = (await carts.read(owner)).cart.quantities
        if not ordered:
            return
        order_id = f"ord_{owner}_{len(self.orders)}"
        lines = {sku: OrderedLine(count, 1) for sku, count in ordered.items()}
        total = sum(ordered.values())
        self.orders.append(BookedOrder(order_id, owner, order_id, "confirmed", total, lines=lines))
        await asyncio.sleep(0)
        taken = [Line(sku=sku, quantity=count) for sku, count in ordered.items()]
        # The response to the first one may be lost: the second one takes nothing.
        for _ in range(2):
            await carts.take_ordered_lines(owner, order_id, taken)
        output = {"id": order_id, "status": "confirmed", "total": total}
        name = f"order/{owner}/{order_id}"
        self._record(client, name, "place", {"lines": ordered}, output, called_at)

    def _record(
        self,
        client: int,
        name: str,
        call: str,
        input: Mapping[str, Any],
        output: Mapping[str, Any],
        called_at: float,
    ) -> None:
        now = time.monotonic()
        self.history.append(
            Operation(client, name, call, input, output, Outcome.OK, called_at, now)
        )


@pytest.mark.fault(47, store=("sqlite", "valkey"))
@pytest.mark.fault(51, store=("sqlite", "valkey"))
@pytest.mark.fault(53, store=("sqlite", "valkey"))
@pytest.mark.parametrize("seed", range(3))
async def test_adds_merges_and_checkouts_of_two_replicas_come_one_after_the_other(
    store_url: str, shopper: str, guest: str, seed: int
) -> None:
    recorder = Recorder()
    async with open_carts(store_url) as one, open_carts(store_url) as another:
        async with asyncio.TaskGroup() as clients:
            for number in range(CLIENTS):
                chance = random.Random(f"{seed} {number}")
                replica = chance.choice((one, another))
                checks_out = number == 0  # One order of an owner at a time.
                clients.create_task(
                    use_cart(recorder, number, replica, shopper, guest, chance, checks_out)
                )
        carts = {owner: (await one.read(owner)).cart for owner in (shopper, guest)}
    booked = {owner: BookedCart(cart.version, cart.quantities) for owner, cart in carts.items()}
    books = Books(orders=recorder.orders, carts=booked)
    names = ["exact-sums", "monotone-versions", "read-your-writes", "linearizable-carts"]
    report = check(recorder.history, books, names=names)
    assert report.passed, "\n".join(report.sentences)
    assert recorder.orders


async def use_cart(
    recorder: Recorder,
    number: int,
    carts: CartRepository,
    shopper: str,
    guest: str,
    chance: random.Random,
    checks_out: bool,
) -> None:
    for _ in range(OPERATIONS):
        if checks_out and chance.random() < 0.4:
            await recorder.check_out(number, shopper, carts)
            continue
        owner = guest if chance.random() < 0.2 else shopper
        line = Line(sku=chance.choice(SKUS), quantity=chance.randint(1, 3))
        call, input, change = _some_call(carts, owner, guest, line, chance)
        await recorder.cart(number, owner, call, input, change())


def _some_call(
    carts: CartRepository, owner: str, guest: str, line: Line, chance: random.Random
) -> tuple[str, Mapping[str, Any], Callable[[], Awaitable[Cart]]]:
    async def read() -> Cart:
        return (await carts.read(owner)).cart

    async def add(key: str | None) -> Cart:
        return (await carts.add(owner, line, key=key)).cart

    plain = line.model_dump()
    # The same key always stands for the same line.
    key = f"{line.sku}-{line.quantity}"
    calls: list[tuple[str, Mapping[str, Any], Callable[[], Awaitable[Cart]]]] = [
        ("read", {}, read),
        ("add", plain, lambda: add(None)),
        ("add", plain, lambda: add(None)),
        ("add", plain | {"key": key}, lambda: add(key)),
        ("set", plain, lambda: carts.set(owner, line)),
        ("remove", {"sku": line.sku}, lambda: carts.remove(owner, line.sku)),
    ]
    if owner != guest:
        calls.append(("merge", {"from": guest}, lambda: carts.merge(owner, guest=guest)))
    return chance.choice(calls)
