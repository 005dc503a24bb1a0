"""The checkout: what is done in which order, how each step is undone, and who keeps count.

Nothing is ever guessed. Each step may be asked any number of times, because each neighbour
remembers the order id; an answer that did not arrive is asked for again, and a step that
stands still is taken up by the sweeper, in this process or another. Undoing is as safe as
doing: giving back what was never taken leaves a mark, so that a late request finds the door
closed.

An order's row says where its saga stands. It is written before a step (``started``) and after
it (``done``), and each write names the version it was based on: of two processes with the
same order, one goes on and the other gets `OrderChanged`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from app.errors import Unavailable
from app.stores.clock import CLOCK_MARGIN
from app.telemetry.logs import get_logger
from services.tracking.clients import CartClient, ProductsClient
from services.tracking.metrics import Measures
from services.tracking.models import (
    Quote,
    QuoteLine,
    Reason,
    Refusal,
    Refused,
    Reply,
    Status,
    Step,
    StoredOrder,
)
from services.tracking.payments import Payments, PaymentStatus, PaymentUnclear
from services.tracking.repository import OrderRepository

ASKS = 2
"""How often a step is asked before the order is left to the sweeper."""
PAUSE = 0.2
"""Seconds between two askings, at most."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Everybody the checkout asks for something."""

    products: ProductsClient
    payments: Payments
    cart: CartClient


async def reserve(ask: Neighbours, order: StoredOrder) -> Refusal | None:
    """Hold the stock of all lines, or of none."""
    return await ask.products.reserve(order.id, order.lines)


async def pay(ask: Neighbours, order: StoredOrder) -> Refusal | None:
    """Take the money; when the answer is lost, find out what became of it."""
    try:
        status = await ask.payments.charge(order.id, order.total)
    except PaymentUnclear as unclear:
        known = await ask.payments.status(order.id)
        if known is None:
            raise PaymentUnclear("The payment has not reached the provider.") from unclear
        status = known
    return None if status is PaymentStatus.CHARGED else Refusal(Reason.PAYMENT_DECLINED)


async def commit(ask: Neighbours, order: StoredOrder) -> Refusal | None:
    """Turn the held stock into sold stock."""
    return await ask.products.commit(order.id)


async def take(ask: Neighbours, order: StoredOrder) -> Refusal | None:
    """Remove from the cart what was bought; what was added meanwhile stays."""
    await ask.cart.take(order.id, subject=order.owner, lines=order.lines)
    return None


async def refund(ask: Neighbours, order: StoredOrder) -> Refusal | None:
    """Give the money back, or see to it that none is taken."""
    await ask.payments.refund(order.id, order.total)
    return None


async def release(ask: Neighbours, order: StoredOrder) -> Refusal | None:
    """Give the stock back, held or sold, or see to it that none is held."""
    await ask.products.release(order.id)
    return None


@dataclass(frozen=True, slots=True)
class Plan:
    """A row of the saga: who is asked, what follows, where undoing begins instead."""

    ask: Callable[[Neighbours, StoredOrder], Awaitable[Refusal | None]]
    then: Step
    undo_from: Step | None = None
    may_be_given_up: bool = False


STEPS: Mapping[Step, Plan] = {
    Step.RESERVE: Plan(reserve, then=Step.PAY, undo_from=Step.RELEASE, may_be_given_up=True),
    Step.PAY: Plan(pay, then=Step.COMMIT, undo_from=Step.REFUND, may_be_given_up=True),
    Step.COMMIT: Plan(commit, then=Step.TAKE, undo_from=Step.REFUND, may_be_given_up=True),
    # Paid and sold: from here on only the shopper can turn it back.
    Step.TAKE: Plan(take, then=Step.DONE, undo_from=Step.REFUND),
    Step.REFUND: Plan(refund, then=Step.RELEASE),
    Step.RELEASE: Plan(release, then=Step.DONE),
}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in milliseconds."""

    stall: int
    """A step without news for this long belongs to the sweeper."""
    retry: int
    """When the sweeper asks again a neighbour that gave no clear answer."""
    give_up: int
    """The age from which an unclear checkout is undone instead of asked again."""
    courier: int
    """Between two moves of a parcel."""

    def latest_step(self, now: int) -> int:
        """The latest time anybody postpones a step of a checkout to."""
        return now + max(self.stall, self.retry) + CLOCK_MARGIN

    def latest_move(self, now: int) -> int:
        """The latest time anybody postpones a move of a parcel to."""
        return now + self.courier + CLOCK_MARGIN


def ignore(_: str) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saga:
    """Takes orders from step to step.

    ``reached`` is told each point between two effects (``before-pay``, ``after-pay``): tests
    die there. ``changed`` is told the id of an order that has a new event.
    """

    orders: OrderRepository
    neighbours: Neighbours
    pace: Pace
    clock: Callable[[], int]
    measures: Measures
    reached: Callable[[str], None] = ignore
    changed: Callable[[str], None] = ignore
    pause: Callable[[], Awaitable[None]] = field(
        default=lambda: asyncio.sleep(random.uniform(0, PAUSE))
    )

    async def run(self, order: StoredOrder) -> StoredOrder:
        """Take the order as far as it goes now.

        Returns it done, or as it stands when a neighbour gave no clear answer: the sweeper
        asks again. Raises `OrderChanged` when somebody else has taken over, and
        `StoreUnavailable`.
        """
        while order.step is not Step.DONE:
            try:
                refusal = await self._ask(order)
            except Unavailable as error:
                get_logger().warning(
                    "saga.step_unclear", order=order.id, step=order.step, why=str(error)
                )
                if not self._given_up(order):
                    return await self._postpone(order)
                refusal = Refusal(Reason.GAVE_UP)
            order = await self._record(order, refusal)
        self.reached("before-answer")
        return order

    async def cancel(self, order: StoredOrder, reason: Reason) -> StoredOrder:
        """Decide against the order; `run` gives back what it took. Raises `OrderChanged`."""
        return await self._record(order, Refusal(reason))

    async def _ask(self, order: StoredOrder) -> Refusal | None:
        plan = STEPS[order.step]
        self.reached(f"before-{order.step}")
        with self.measures.step(order.step):
            refusal = await self._ask_until_clear(plan, order)
        self.reached(f"after-{order.step}")
        return refusal

    async def _ask_until_clear(self, plan: Plan, order: StoredOrder) -> Refusal | None:
        for _ in range(ASKS - 1):
            try:
                return await plan.ask(self.neighbours, order)
            except Unavailable:
                await self.pause()
        return await plan.ask(self.neighbours, order)

    async def _record(self, order: StoredOrder, refusal: Refusal | None) -> StoredOrder:
        now = self.clock()
        after, reply = _outcome(order, refusal, now=now)
        saved = await self.orders.save(
            order, after, now=now, due_at=now + self._time_for(after), reply=reply
        )
        if saved.status is not order.status:
            self.measures.decided(saved)
            self.changed(saved.id)
        return saved

    async def _postpone(self, order: StoredOrder) -> StoredOrder:
        now = self.clock()
        return await self.orders.save(order, order, now=now, due_at=now + self.pace.retry)

    def _given_up(self, order: StoredOrder) -> bool:
        too_old = self.clock() - order.created_at >= self.pace.give_up
        return too_old and STEPS[order.step].may_be_given_up

    def _time_for(self, order: StoredOrder) -> int:
        return self.pace.courier if order.step is Step.DONE else self.pace.stall


def _outcome(
    order: StoredOrder, refusal: Refusal | None, *, now: int
) -> tuple[StoredOrder, Reply | None]:
    """What becomes of the order, and what the checkout is answered if that decides it."""
    plan = STEPS.get(order.step)
    if refusal is not None:
        undo_from = (plan and plan.undo_from) or Step.REFUND
        refused = Refused(reason=refusal.reason, quote=_fresh_quote(order, refusal))
        after = order.cancelled(refusal.reason, undo_from=undo_from, now=now)
        return after, Reply(status=409, body=refused.model_dump_json())
    if plan is None:
        raise ValueError(f"order {order.id} is done")
    if order.status is Status.PENDING and plan.then is Step.DONE:
        after = order.confirmed(now=now)
        return after, Reply(status=201, body=after.as_seen().model_dump_json())
    return order.at_step(plan.then), None


def _fresh_quote(order: StoredOrder, refusal: Refusal) -> Quote | None:
    """The order's own lines with the stock that is really there."""
    if refusal.reason is not Reason.OUT_OF_STOCK:
        return None
    lines = [
        QuoteLine(
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            available=refusal.available.get(line.sku, line.quantity),
        )
        for line in order.lines
    ]
    return Quote(total=order.total, lines=lines)
