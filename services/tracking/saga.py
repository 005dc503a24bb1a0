"""The checkout saga: its steps, how each is compensated, and how far an order has come.

No step is decided by a guess. Every step can be repeated, because each participant remembers
the order id: a response that was lost is asked for again, and a step that stalls is taken up by
the sweeper, in this process or another. Compensations can be repeated, too: undoing what never
happened leaves a mark that makes a late request fail.

The order's row says where its saga stands. It is written before a step (``started``) and after
it (``done``). Each write names the version it was based on: of two processes with the same
order, one goes on and the other gets `OrderChanged`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from app.errors import Unavailable
from app.stores.clock import CLOCK_MARGIN
from app.telemetry.logs import get_logger
from services.tracking.clients import CartClient, ProductsClient
from services.tracking.crash_points import CrashPoints, never_crash
from services.tracking.metrics import OrderMetrics
from services.tracking.models import (
    CheckoutOutcome,
    OrderStatus,
    Quote,
    QuoteLine,
    Reason,
    Step,
    StepRefusal,
    StoredOrder,
)
from services.tracking.payments import Payments, PaymentStatus, PaymentUnclear
from services.tracking.repository import OrderRepository

MAX_ATTEMPTS = 2
"""Attempts at a step before the order is left to the sweeper."""
MAX_PAUSE = 0.2
"""Seconds between two attempts."""


@dataclass(frozen=True, slots=True)
class Participants:
    """The services that take part in a checkout."""

    products: ProductsClient
    payments: Payments
    cart: CartClient


async def reserve(participants: Participants, order: StoredOrder) -> StepRefusal | None:
    """Hold the stock of all lines, or of none."""
    return await participants.products.reserve(order.id, order.lines)


async def pay(participants: Participants, order: StoredOrder) -> StepRefusal | None:
    """Take the money. If the response is lost, look the payment up."""
    payments = participants.payments
    try:
        status = await payments.charge(order.id, order.total)
    except PaymentUnclear as unclear:
        known = await payments.status(order.id)
        if known is None:
            raise PaymentUnclear("The payment has not reached the provider.") from unclear
        status = known
    return None if status is PaymentStatus.CHARGED else StepRefusal(Reason.PAYMENT_DECLINED)


async def commit(participants: Participants, order: StoredOrder) -> StepRefusal | None:
    """Turn the held stock into sold stock."""
    return await participants.products.commit(order.id)


async def take(participants: Participants, order: StoredOrder) -> StepRefusal | None:
    """Remove what was bought from the cart. What was added since stays."""
    await participants.cart.take(order.id, subject=order.owner, lines=order.lines)
    return None


async def cancel_take(participants: Participants, order: StoredOrder) -> StepRefusal | None:
    """Make sure that a take that is still on its way removes nothing."""
    await participants.cart.cancel_take(order.id, subject=order.owner)
    return None


async def refund(participants: Participants, order: StoredOrder) -> StepRefusal | None:
    """Give the money back, or make sure that none is taken."""
    await participants.payments.refund(order.id, order.total)
    return None


async def release(participants: Participants, order: StoredOrder) -> StepRefusal | None:
    """Give the stock back, held or sold, or make sure that none is held."""
    await participants.products.release(order.id)
    return None


@dataclass(frozen=True, slots=True)
class StepDefinition:
    """A row of the table. A step that is refused is followed by its compensation.

    ``gives_up``: it counts as refused if it has no definite result for too long.
    """

    action: Callable[[Participants, StoredOrder], Awaitable[StepRefusal | None]]
    then: Step
    compensation: Step | None = None
    gives_up: bool = False


STEPS: Mapping[Step, StepDefinition] = {
    Step.RESERVE: StepDefinition(reserve, then=Step.PAY, compensation=Step.RELEASE, gives_up=True),
    Step.PAY: StepDefinition(pay, then=Step.COMMIT, compensation=Step.REFUND, gives_up=True),
    Step.COMMIT: StepDefinition(commit, then=Step.TAKE, compensation=Step.REFUND, gives_up=True),
    # Paid and sold: from here on only the shopper can cancel it.
    Step.TAKE: StepDefinition(take, then=Step.DONE, compensation=Step.CANCEL_TAKE),
    Step.CANCEL_TAKE: StepDefinition(cancel_take, then=Step.REFUND),
    Step.REFUND: StepDefinition(refund, then=Step.RELEASE),
    Step.RELEASE: StepDefinition(release, then=Step.DONE),
}


@dataclass(frozen=True, slots=True)
class SagaTimings:
    """In milliseconds."""

    stall: int
    """Without progress for this long, a step is taken up by the sweeper."""
    retry: int
    """How long an order waits after a step without a definite result."""
    give_up: int
    """The age at which an order without a definite result is undone instead of retried."""
    courier: int
    """Between two moves of a parcel."""

    def latest_step(self, now: int) -> int:
        """The latest time to which a step of a checkout is postponed."""
        return now + max(self.stall, self.retry) + CLOCK_MARGIN

    def latest_move(self, now: int) -> int:
        """The latest time to which a move of a parcel is postponed."""
        return now + self.courier + CLOCK_MARGIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Saga:
    """Takes orders from step to step. ``publish`` gets the id of an order with a new event."""

    orders: OrderRepository
    participants: Participants
    timings: SagaTimings
    clock: Callable[[], int]
    metrics: OrderMetrics
    publish: Callable[[str], None]
    crash_points: CrashPoints = never_crash
    pause: Callable[[], Awaitable[None]] = field(
        default=lambda: asyncio.sleep(random.uniform(0, MAX_PAUSE))
    )

    async def run(self, order: StoredOrder) -> StoredOrder:
        """Take the order as far as possible now.

        Returns it done, or postponed if a step had no definite result: the sweeper retries it.
        An order at a step of a newer version is returned as it is.
        Raises `OrderChanged` if another process has taken over, and `StoreUnavailable`.
        """
        while order.step in STEPS:
            try:
                refusal = await self._run_step(order)
            except Unavailable as error:
                get_logger().warning(
                    "saga.step_unclear", order=order.id, step=order.step, why=str(error)
                )
                if not self._gives_up(order):
                    return await self._postpone(order)
                refusal = StepRefusal(Reason.GAVE_UP)
            order = await self._record(order, refusal)
        self.crash_points("before-answer")
        return order

    async def cancel(self, order: StoredOrder, reason: Reason) -> StoredOrder:
        """Cancel the order; `run` undoes its steps. Raises `OrderChanged`."""
        return await self._record(order, StepRefusal(reason))

    async def _run_step(self, order: StoredOrder) -> StepRefusal | None:
        self.crash_points(f"before-{order.step}")
        with self.metrics.step(order.step):
            refusal = await self._try_step(STEPS[order.step], order)
        self.crash_points(f"after-{order.step}")
        return refusal

    async def _try_step(self, step: StepDefinition, order: StoredOrder) -> StepRefusal | None:
        for _ in range(MAX_ATTEMPTS - 1):
            try:
                return await step.action(self.participants, order)
            except Unavailable:
                await self.pause()
        return await step.action(self.participants, order)

    async def _record(self, order: StoredOrder, refusal: StepRefusal | None) -> StoredOrder:
        now = self.clock()
        if refusal is None:
            after, outcome = _advance(order, now=now)
        else:
            after, outcome = _cancel(order, refusal, now=now)
        due_at = now + self._time_until_due(after)
        saved = await self.orders.save(order, after, now=now, due_at=due_at, outcome=outcome)
        if saved.status is not order.status:
            self.metrics.decided(saved)
            self.publish(saved.id)
        return saved

    async def _postpone(self, order: StoredOrder) -> StoredOrder:
        now = self.clock()
        return await self.orders.save(order, order, now=now, due_at=now + self.timings.retry)

    def _gives_up(self, order: StoredOrder) -> bool:
        is_too_old = self.clock() - order.created_at >= self.timings.give_up
        return is_too_old and STEPS[order.step].gives_up

    def _time_until_due(self, order: StoredOrder) -> int:
        return self.timings.courier if order.step is Step.DONE else self.timings.stall


def _advance(order: StoredOrder, *, now: int) -> tuple[StoredOrder, CheckoutOutcome | None]:
    """The order after its step was done, and the outcome if that decides the checkout."""
    if order.step is Step.DONE:
        raise ValueError(f"order {order.id} is done")
    following = STEPS[order.step].then
    if order.status is OrderStatus.PENDING and following is Step.DONE:
        confirmed = order.confirmed(now=now)
        return confirmed, CheckoutOutcome.confirmed(confirmed)
    return order.at_step(following), None


def _cancel(
    order: StoredOrder, refusal: StepRefusal, *, now: int
) -> tuple[StoredOrder, CheckoutOutcome]:
    """The order after its step was refused, and the outcome of the checkout."""
    step = STEPS.get(order.step)
    compensate_from = (step and step.compensation) or Step.REFUND
    outcome = CheckoutOutcome.refused(refusal.reason, quote=_fresh_quote(order, refusal))
    return order.cancelled(refusal.reason, compensate_from=compensate_from, now=now), outcome


def _fresh_quote(order: StoredOrder, refusal: StepRefusal) -> Quote | None:
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
