"""The checkout: one order is made of a cart, once per idempotency key.

`pricing` says what the cart costs, `saga` carries the order out.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from app.errors import Conflict, IdempotencyKeyReused, Problem, Retryable
from app.stores.clock import in_milliseconds
from services.tracking.clients import Cart, CartClient, ProductsClient
from services.tracking.models import (
    CheckoutOutcome,
    CheckoutRequest,
    IdempotencyRecord,
    OrderOrigin,
    OrderStatus,
    Quote,
    ShipmentStatus,
    Step,
    StoredOrder,
)
from services.tracking.pricing import is_available, order_lines, quote_for
from services.tracking.repository import OrderRepository
from services.tracking.saga_runner import SagaRunner, time_to_wait

MAX_DUPLICATE_WAIT = 2.0
"""Seconds that a duplicate request waits for the outcome of the first."""
DUPLICATE_POLL = 0.05
PLACE_ATTEMPTS = 3


class CartEmpty(Conflict):
    type = "cart-empty"
    title = "The cart is empty"


class QuoteChanged(Conflict):
    """Carries ``quote``: what the cart costs now."""

    type = "quote-changed"
    title = "A price or the stock has changed"

    def __init__(self, quote: Quote) -> None:
        super().__init__(
            "Look at the quote and order again with its total.",
            quote=quote.model_dump(mode="json"),
        )


class AlreadyOrdered(Conflict):
    """Carries ``order_id``: the order that was made of this cart, or is being made."""

    type = "already-ordered"
    title = "This cart is ordered already"

    def __init__(self, order_id: str) -> None:
        super().__init__(
            f"This cart belongs to order {order_id}. Follow that order; if it is cancelled, "
            "the cart can be ordered again.",
            order_id=order_id,
        )


class InProgress(Retryable, Conflict):
    type = "in-progress"
    title = "The same checkout is still being worked on"


@dataclass(frozen=True, slots=True)
class Shopper:
    """Who is checking out; ``token`` reads their cart."""

    subject: str
    token: str


@dataclass(frozen=True, slots=True)
class CheckoutResult:
    """``is_replay``: an earlier request with this key got the outcome first."""

    order_id: str
    outcome: CheckoutOutcome
    is_replay: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutService:
    """``stall`` is when the sweeper takes up an order that makes no progress, in milliseconds;
    ``max_wait`` is how long a request waits for its saga, in seconds."""

    repository: OrderRepository
    runner: SagaRunner
    products: ProductsClient
    cart: CartClient
    currency: str
    stall: int
    max_wait: float
    clock: Callable[[], int]

    async def check_out(
        self, shopper: Shopper, checkout: CheckoutRequest, *, key: str
    ) -> CheckoutResult:
        """Order what is in the shopper's cart, once per key.

        A repeated request is recognised before anything else, so nothing that happened since
        changes its outcome. Raises `CartEmpty`, `AlreadyOrdered`, `QuoteChanged`, `InProgress`,
        `IdempotencyKeyReused` and `Unavailable`.
        """
        request = _KeyedRequest(shopper, checkout, key, _payload_hash(checkout))
        return await self._find_result(request) or await self._place_order(request)

    async def _place_order(self, request: "_KeyedRequest") -> CheckoutResult:
        self.runner.raise_if_full()
        for _ in range(PLACE_ATTEMPTS):
            try:
                draft = await self._draft(request)
            except Problem:
                # The same request may have come twice, and the first one emptied the cart.
                result = await self._find_result(request)
                if result is None:
                    raise
                return result
            if await self._add(draft, request):
                return await self._run_saga(draft.order, request)
            if (result := await self._find_result(request)) is not None:
                return result
            order_id = await self.repository.conflicting_order(draft.order.owner, draft.origin)
            if order_id is not None:
                raise AlreadyOrdered(order_id)
            # A conflicting order was cancelled meanwhile: try again.
        raise InProgress("Your orders are changing right now.")

    async def _draft(self, request: "_KeyedRequest") -> "_Draft":
        # Read before the cart: an order that is placed from now on will conflict with this one,
        # even if it is cancelled at once. So no take comes between this read and the saga's.
        placed = await self.repository.orders_of(request.shopper.subject)
        latest = placed.latest
        if latest is not None and latest.status is OrderStatus.PENDING:
            raise AlreadyOrdered(latest.id)
        if placed.take_may_come:
            raise InProgress("A cancelled order is still being undone.")
        cart = await self.cart.read(request.shopper.token)
        if not cart.lines or cart.updated_at is None:
            raise await self._why_empty(request.shopper.subject, cart)
        origin = OrderOrigin(
            cart_version=cart.version,
            cart_updated_at=in_milliseconds(cart.updated_at),
            ordinal=latest.origin.ordinal + 1 if latest is not None else 1,
        )
        order = await self._price(cart, request)
        return _Draft(order, origin, number=placed.last_number + 1)

    async def _why_empty(self, owner: str, cart: Cart) -> Problem:
        """Either the owner's latest order took what was in the cart, or nothing was in it."""
        latest = (await self.repository.orders_of(owner)).latest
        if latest is not None and latest.origin.cart_version + 1 == cart.version:
            return AlreadyOrdered(latest.id)
        return CartEmpty("There is nothing to order.")

    async def _price(self, cart: Cart, request: "_KeyedRequest") -> StoredOrder:
        """The order at the prices of now. Raises `QuoteChanged` if the shopper saw others."""
        products = await self.products.look_up([line.sku for line in cart.lines])
        quote = quote_for(cart.lines, products, currency=self.currency)
        if quote.total != request.checkout.expected_total or not is_available(quote):
            raise QuoteChanged(quote)
        now = self.clock()
        return StoredOrder(
            id=f"ord_{secrets.token_hex(10)}",
            owner=request.shopper.subject,
            status=OrderStatus.PENDING,
            step=Step.RESERVE,
            version=1,
            reason=None,
            total=quote.total,
            lines=order_lines(quote),
            address=request.checkout.address,
            created_at=now,
            due_at=now + self.stall,
            shipment_status=ShipmentStatus.PENDING,
            sequence=0,
            events=(),
        )

    async def _add(self, draft: "_Draft", request: "_KeyedRequest") -> bool:
        return await self.repository.add(
            draft.order,
            key=request.key,
            payload_hash=request.payload_hash,
            origin=draft.origin,
            number=draft.number,
        )

    async def _run_saga(self, order: StoredOrder, request: "_KeyedRequest") -> CheckoutResult:
        order = await self.runner.run(order, timeout=time_to_wait(self.max_wait)) or order
        record = await self.repository.idempotency_record(order.owner, request.key)
        if record is not None and record.outcome is not None:
            return CheckoutResult(order.id, record.outcome, is_replay=False)
        outcome = await self.repository.keep_outcome(order.id, CheckoutOutcome.pending(order))
        return CheckoutResult(order.id, outcome, is_replay=False)

    async def _find_result(self, request: "_KeyedRequest") -> CheckoutResult | None:
        """The result of an earlier request with this key, if there was one."""
        record = await self._record(request)
        if record is None:
            return None
        if record.outcome is None:
            return await self._wait_for_first(request)
        return CheckoutResult(record.order_id, record.outcome, is_replay=True)

    async def _wait_for_first(self, request: "_KeyedRequest") -> CheckoutResult:
        """This is a duplicate of a request in progress: wait for that one's outcome."""
        time = asyncio.get_running_loop().time
        gives_up_at = time() + min(MAX_DUPLICATE_WAIT, time_to_wait(self.max_wait))
        while time() < gives_up_at:
            record = await self._record(request)
            if record is not None and record.outcome is not None:
                return CheckoutResult(record.order_id, record.outcome, is_replay=True)
            await asyncio.sleep(DUPLICATE_POLL)
        raise InProgress("A request with this key came first and is not done.")

    async def _record(self, request: "_KeyedRequest") -> IdempotencyRecord | None:
        record = await self.repository.idempotency_record(request.shopper.subject, request.key)
        if record is not None and record.payload_hash != request.payload_hash:
            raise IdempotencyKeyReused
        return record


@dataclass(frozen=True, slots=True)
class _KeyedRequest:
    shopper: Shopper
    checkout: CheckoutRequest
    key: str
    payload_hash: str


@dataclass(frozen=True, slots=True)
class _Draft:
    """An order that is not stored yet; ``number`` counts all orders of its owner."""

    order: StoredOrder
    origin: OrderOrigin
    number: int


def _payload_hash(checkout: CheckoutRequest) -> str:
    return hashlib.sha256(checkout.model_dump_json().encode()).hexdigest()
