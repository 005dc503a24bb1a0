"""What a shopper can do with orders: check out, look, cancel."""

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.errors import Conflict, Forbidden, IdempotencyKeyReused, NotFound, Problem
from app.stores.clock import in_milliseconds
from app.telemetry.context import current_context
from services.tracking.clients import Cart, CartClient, ProductsClient
from services.tracking.models import (
    Basis,
    Checkout,
    Quote,
    Reason,
    Refused,
    Reply,
    ShipmentStatus,
    Status,
    Step,
    StoredOrder,
)
from services.tracking.quotes import as_ordered, is_available, quote_for
from services.tracking.repository import OrderChanged, OrderRepository, Receipt
from services.tracking.runner import SagaRunner
from services.tracking.saga import Saga

# Once the parcel has left the house, only the courier decides.
CANCELLABLE = frozenset({ShipmentStatus.PENDING, ShipmentStatus.CONFIRMED, ShipmentStatus.PACKED})
TWIN_TIMEOUT = 2.0
"""Seconds a request waits for the one that sent the same key first."""
TWIN_POLL = 0.05
PLACE_ATTEMPTS = 3
CANCEL_ATTEMPTS = 5
ANSWER_MARGIN = 0.3
"""Seconds of the caller's deadline kept for writing the answer."""


class AccountRequired(Forbidden):
    type = "account-required"
    title = "Orders need an account"


class CartEmpty(Conflict):
    type = "cart-empty"
    title = "The cart is empty"


class QuoteChanged(Conflict):
    """Carries ``quote``: what the cart costs now."""

    type = "quote-changed"
    title = "A price or the stock has changed"


class PaymentDeclined(Conflict):
    type = "payment-declined"
    title = "The payment was declined"


class CheckoutFailed(Conflict):
    type = "checkout-failed"
    title = "The order was cancelled"


class AlreadyOrdered(Conflict):
    """Carries ``order_id``: the order that was made of this cart, or is being made."""

    type = "already-ordered"
    title = "This cart is ordered already"


class InProgress(Conflict):
    type = "in-progress"
    title = "The same checkout is still being worked on"


class AlreadyShipped(Conflict):
    type = "already-shipped"
    title = "The parcel is on its way"


@dataclass(frozen=True, slots=True)
class Shopper:
    """Who is checking out; ``token`` reads their cart."""

    subject: str
    token: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a checkout: the first one given, whoever asks again."""

    order_id: str
    reply: Reply
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """``timeout`` is how long a checkout may keep its shopper waiting, in seconds."""

    repository: OrderRepository
    saga: Saga
    runner: SagaRunner
    products: ProductsClient
    cart: CartClient
    currency: str
    timeout: float
    clock: Callable[[], int]

    async def check_out(self, shopper: Shopper, checkout: Checkout, *, key: str) -> Answered:
        """Order what is in the shopper's cart, once per key.

        Raises `CartEmpty`, `AlreadyOrdered`, `QuoteChanged`, `PaymentDeclined`,
        `CheckoutFailed`, `InProgress`, `IdempotencyKeyReused` and `Unavailable`.
        """
        request = _Request(shopper, checkout, key, _digest(checkout))
        answered = await self._answered_before(request) or await self._order(request)
        if answered.reply.status == 409:
            raise _refusal(answered)
        return answered

    async def order(self, owner: str, order_id: str) -> StoredOrder:
        """Raises `NotFound`, for somebody else's order too."""
        order = await self.repository.get(order_id)
        if order is None or order.owner != owner:
            raise NotFound("There is no such order.")
        return order

    async def page(
        self, owner: str, *, after: tuple[int, str] | None, limit: int
    ) -> Sequence[StoredOrder]:
        """The owner's orders, newest first."""
        return await self.repository.page(owner, after=after, limit=limit)

    async def cancel(self, owner: str, order_id: str) -> StoredOrder:
        """Cancel an order that has not left the house; twice is once.

        The decision is made when this returns; `StoredOrder.step` tells whether money and
        stock are back already. Raises `NotFound`, `AlreadyShipped` and `StoreUnavailable`.
        """
        order = await self._decide_against(owner, order_id)
        if order.step is Step.DONE:
            return order
        return await self.runner.run(order, timeout=self._timeout()) or order

    async def _order(self, request: "_Request") -> Answered:
        self.runner.refuse_if_full()
        for _ in range(PLACE_ATTEMPTS):
            try:
                basis, order = await self._draft(request)
            except Problem:
                # A twin may have finished meanwhile, and it is the reason the cart is empty.
                answered = await self._answered_before(request)
                if answered is None:
                    raise
                return answered
            if await self._add(order, basis, request):
                return await self._carry_out(order, request)
            if (answered := await self._answered_before(request)) is not None:
                return answered
            if (rival := await self.repository.rival(order.owner, basis)) is not None:
                raise _already_ordered(rival)
            # What was in the way is cancelled by now.
        raise InProgress("Your orders are changing right now.", headers={"Retry-After": "1"})

    async def _draft(self, request: "_Request") -> tuple[Basis, StoredOrder]:
        # Before the cart: an order that is placed from now on gets in our way.
        latest = await self.repository.latest(request.shopper.subject)
        if latest is not None and latest.status is Status.PENDING:
            raise _already_ordered(latest.id)
        cart = await self.cart.read(request.shopper.token)
        if not cart.lines or cart.updated_at is None:
            raise await self._nothing_left(request.shopper.subject, cart)
        basis = Basis(
            cart_version=cart.version,
            cart_updated_at=in_milliseconds(cart.updated_at),
            ordinal=latest.basis.ordinal + 1 if latest is not None else 1,
        )
        return basis, await self._priced(cart, request)

    async def _nothing_left(self, owner: str, cart: Cart) -> Problem:
        """Why the cart is empty: the owner's latest order took what was in it, or not."""
        latest = await self.repository.latest(owner)
        if latest is not None and latest.basis.cart_version + 1 == cart.version:
            return _already_ordered(latest.id)
        return CartEmpty("There is nothing to order.")

    async def _priced(self, cart: Cart, request: "_Request") -> StoredOrder:
        products = await self.products.look_up([line.sku for line in cart.lines])
        quote = quote_for(cart.lines, products, currency=self.currency)
        if quote.total != request.checkout.expected_total or not is_available(quote):
            raise _changed(quote)
        now = self.clock()
        return StoredOrder(
            id=f"ord_{secrets.token_hex(10)}",
            owner=request.shopper.subject,
            status=Status.PENDING,
            step=Step.RESERVE,
            version=1,
            reason=None,
            total=quote.total,
            lines=as_ordered(quote),
            address=request.checkout.address,
            created_at=now,
            due_at=now + self.saga.pace.stall,
            shipment_status=ShipmentStatus.PENDING,
            sequence=0,
            events=(),
        )

    async def _add(self, order: StoredOrder, basis: Basis, request: "_Request") -> bool:
        return await self.repository.add(
            order, key=request.key, payload_hash=request.payload_hash, basis=basis
        )

    async def _carry_out(self, order: StoredOrder, request: "_Request") -> Answered:
        as_it_is = await self.runner.run(order, timeout=self._timeout()) or order
        receipt = await self.repository.receipt(order.owner, request.key)
        if receipt is not None and receipt.reply is not None:
            return Answered(order.id, receipt.reply, replayed=False)
        still_working = Reply(status=202, body=as_it_is.as_seen().model_dump_json())
        reply = await self.repository.keep_reply(order.id, still_working)
        return Answered(order.id, reply, replayed=False)

    async def _answered_before(self, request: "_Request") -> Answered | None:
        receipt = await self._receipt(request)
        if receipt is None:
            return None
        if receipt.reply is None:
            return await self._wait_for_twin(request)
        return Answered(receipt.order_id, receipt.reply, replayed=True)

    async def _wait_for_twin(self, request: "_Request") -> Answered:
        """Answer what the first request with this key is answered."""
        gives_up_at = asyncio.get_running_loop().time() + min(TWIN_TIMEOUT, self._timeout())
        while asyncio.get_running_loop().time() < gives_up_at:
            receipt = await self._receipt(request)
            if receipt is not None and receipt.reply is not None:
                return Answered(receipt.order_id, receipt.reply, replayed=True)
            await asyncio.sleep(TWIN_POLL)
        raise InProgress(
            "A request with this key came first and is not done.", headers={"Retry-After": "1"}
        )

    async def _receipt(self, request: "_Request") -> Receipt | None:
        receipt = await self.repository.receipt(request.shopper.subject, request.key)
        if receipt is not None and receipt.payload_hash != request.payload_hash:
            raise IdempotencyKeyReused
        return receipt

    async def _decide_against(self, owner: str, order_id: str) -> StoredOrder:
        for _ in range(CANCEL_ATTEMPTS):
            order = await self.order(owner, order_id)
            if order.status is Status.CANCELLED:
                return order
            if order.shipment_status not in CANCELLABLE:
                raise AlreadyShipped("It can no longer be cancelled.")
            try:
                return await self.saga.cancel(order, Reason.SHOPPER)
            except OrderChanged:
                continue
        raise InProgress("The order is changing right now.", headers={"Retry-After": "1"})

    def _timeout(self) -> float:
        return max(0.0, min(self.timeout, current_context().time_left() - ANSWER_MARGIN))


@dataclass(frozen=True, slots=True)
class _Request:
    shopper: Shopper
    checkout: Checkout
    key: str
    payload_hash: str


def _digest(checkout: Checkout) -> str:
    return hashlib.sha256(checkout.model_dump_json().encode()).hexdigest()


def _refusal(answered: Answered) -> Problem:
    refused = Refused.model_validate_json(answered.reply.body)
    headers = REPLAYED if answered.replayed else None
    if refused.quote is not None:
        return _changed(refused.quote, headers=headers)
    if refused.reason is Reason.PAYMENT_DECLINED:
        return PaymentDeclined("No money was taken. Nothing was ordered.", headers=headers)
    return CheckoutFailed(EXPLANATIONS[refused.reason], headers=headers)


def _already_ordered(order_id: str) -> AlreadyOrdered:
    return AlreadyOrdered(
        f"This cart belongs to order {order_id}. Follow that order; if it is cancelled, "
        "the cart can be ordered again.",
        order_id=order_id,
    )


def _changed(quote: Quote, *, headers: Mapping[str, str] | None = None) -> QuoteChanged:
    return QuoteChanged(
        "Look at the quote and order again with its total.",
        headers=headers,
        quote=quote.model_dump(mode="json"),
    )


REPLAYED = {"Idempotency-Replayed": "true"}
EXPLANATIONS = {
    Reason.OUT_OF_STOCK: "A product was sold to somebody else.",
    Reason.RESERVATION_LOST: "The stock could not be held. No money was kept.",
    Reason.GAVE_UP: "The shop could not finish the order. No money was kept.",
    Reason.SHOPPER: "You cancelled it.",
}
