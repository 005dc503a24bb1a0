"""What an order is, on the wire and in the store.

Two fields of a `StoredOrder` say where its checkout stands:

* ``status`` is the decision: ``pending`` (none yet), ``confirmed`` or ``cancelled``;
* ``step`` is the next saga step, ``done`` when nothing is left to do.

Each change raises ``version`` and names the version it was based on, so a process with an
outdated order changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from app.models import RequestModel, ResponseModel, Text
from app.stores.clock import moment

MAX_AMOUNT = 10**15

PaymentMode = Literal["succeed", "decline", "slow", "timeout", "flaky"]

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

_WITHOUT_POSTAL_CODES = (
    "AE AG AO AW BF BI BJ BO BS BW BZ CD CF CG CI CK CM CW DJ DM ER FJ GA GD GH GM GQ GY HK JM KI"
    " KM KN KP ML MO MR MW NR NU PA QA RW SB SC SL SO SR SS ST SX SY TD TG TK TL TO TV UG VU YE ZW"
)
WITHOUT_POSTAL_CODES = frozenset(_WITHOUT_POSTAL_CODES.split())
"""Countries without postal codes (Universal Postal Union)."""


class OrderStatus(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class Step(StrEnum):
    """The next step of the saga; `saga.STEPS` has the table."""

    RESERVE = "reserve"
    PAY = "pay"
    COMMIT = "commit"
    TAKE = "take"
    CANCEL_TAKE = "cancel-take"
    REFUND = "refund"
    RELEASE = "release"
    DONE = "done"
    UNKNOWN = "unknown"
    """A step of a newer version, whose replicas alone work on the order. Never stored."""

    @classmethod
    def parse(cls, name: str) -> "Step":
        return cls(name) if name in set(cls) else cls.UNKNOWN


class Reason(StrEnum):
    """Why an order was cancelled."""

    OUT_OF_STOCK = "out-of-stock"
    PAYMENT_DECLINED = "payment-declined"
    RESERVATION_LOST = "reservation-lost"
    GAVE_UP = "gave-up"
    SHOPPER = "shopper"


class ShipmentStatus(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    PACKED = "packed"
    SHIPPED = "shipped"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


FINAL_SHIPMENT_STATUSES = frozenset({ShipmentStatus.DELIVERED, ShipmentStatus.CANCELLED})


class Money(RequestModel):
    """An amount in the currency's minor unit: 1999 EUR is 19.99 €, 1999 JPY is ¥1999."""

    amount: Annotated[int, Field(ge=0, le=MAX_AMOUNT)]
    currency: Currency


class Address(RequestModel):
    """Where the parcel goes."""

    name: Annotated[str, Text(1, 100)]
    line1: Annotated[str, Text(1, 200)]
    line2: Annotated[str, Text(1, 200)] | None = None
    city: Annotated[str, Text(1, 100)]
    country: Annotated[Country, Field(description="ISO 3166-1 alpha-2")]
    # Declared after the country, which its validator reads.
    postal_code: Annotated[
        Annotated[str, Text(1, 20)] | None,
        Field(validate_default=True, description="Needed where the country has postal codes."),
    ] = None

    @field_validator("postal_code")
    @classmethod
    def _require_where_used(cls, code: str | None, info: ValidationInfo) -> str | None:
        country = info.data.get("country")
        if code is None and country is not None and country not in WITHOUT_POSTAL_CODES:
            raise ValueError("is needed in this country")
        return code


REMOVED = "(removed)"


def anonymous(address: Address) -> Address:
    """What is kept of an address when its owner's account is deleted: the country, for taxes."""
    return Address(
        name=REMOVED, line1=REMOVED, city=REMOVED, postal_code=REMOVED, country=address.country
    )


class CheckoutRequest(RequestModel):
    """What the shopper agrees to: this total, sent to this address."""

    expected_total: Money
    address: Address


class OrderLine(ResponseModel):
    sku: str
    name: str
    quantity: Annotated[int, Field(ge=1, le=99)]
    unit_price: Money


class ShipmentEvent(ResponseModel):
    """One move of the parcel. Events are ordered by ``sequence``, not by time."""

    sequence: int
    status: ShipmentStatus
    at: datetime


class Shipment(ResponseModel):
    status: ShipmentStatus
    events: list[ShipmentEvent]


class Order(ResponseModel):
    """An order as its owner sees it."""

    id: str
    status: OrderStatus
    reason: Reason | None = Field(description="Why it was cancelled.")
    total: Money
    lines: list[OrderLine]
    address: Address
    created_at: datetime
    shipment: Shipment


class QuoteLine(ResponseModel):
    """A line at the price of now. A line without a price is no longer sold."""

    sku: str
    name: str
    quantity: int
    unit_price: Money | None
    available: int


class Quote(ResponseModel):
    """What the cart costs now. Lines without a price are not in the total."""

    total: Money
    lines: list[QuoteLine]


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """An order with what the saga and the courier need to know about it.

    Until ``due_at`` only the process that works on the order may change it.
    """

    id: str
    owner: str
    status: OrderStatus
    step: Step
    version: int
    reason: Reason | None
    total: Money
    lines: tuple[OrderLine, ...]
    address: Address
    created_at: int
    due_at: int
    shipment_status: ShipmentStatus
    sequence: int
    events: tuple[ShipmentEvent, ...]

    @property
    def is_final(self) -> bool:
        """Whether it will never change again."""
        if self.status is OrderStatus.CANCELLED:
            return self.step is Step.DONE
        return self.shipment_status is ShipmentStatus.DELIVERED

    def is_due(self, *, now: int, latest: int) -> bool:
        """Whether another process may take it up.

        No process postpones an order beyond ``latest``. A later time was written by a clock
        that was wrong, and is ignored.
        """
        return not now < self.due_at <= latest

    def at_step(self, step: Step) -> "StoredOrder":
        """The same decision, at another step."""
        return replace(self, step=step)

    def confirmed(self, *, now: int) -> "StoredOrder":
        decided = replace(self, status=OrderStatus.CONFIRMED, step=Step.DONE)
        return decided.moved(ShipmentStatus.CONFIRMED, now=now)

    def cancelled(self, reason: Reason, *, compensate_from: Step, now: int) -> "StoredOrder":
        """Cancelled; ``compensate_from`` is the first step that undoes it."""
        decided = replace(self, status=OrderStatus.CANCELLED, step=compensate_from, reason=reason)
        return decided.moved(ShipmentStatus.CANCELLED, now=now)

    def moved(self, status: ShipmentStatus, *, now: int) -> "StoredOrder":
        """With the parcel at its next status, and the event that says so."""
        event = ShipmentEvent(sequence=self.sequence + 1, status=status, at=moment(now))
        return replace(
            self,
            shipment_status=status,
            sequence=event.sequence,
            events=(*self.events, event),
        )

    def owner_view(self) -> Order:
        """The order as its owner sees it."""
        return Order(
            id=self.id,
            status=self.status,
            reason=self.reason,
            total=self.total,
            lines=list(self.lines),
            address=self.address,
            created_at=moment(self.created_at),
            shipment=Shipment(status=self.shipment_status, events=list(self.events)),
        )


@dataclass(frozen=True, slots=True)
class OrderOrigin:
    """The state of the cart that an order is made of; of each state one order may be made.

    A state is identified by the cart's version and the time of its last change, because a cart
    that expired counts its versions from the start again. ``ordinal`` numbers the orders of one
    owner that were not cancelled. It is read before the cart, so an order that is placed in
    between takes the number.
    """

    cart_version: int
    cart_updated_at: int
    ordinal: int


@dataclass(frozen=True, slots=True)
class LatestOrder:
    """The owner's newest order that is not cancelled, as far as the next one depends on it."""

    id: str
    status: OrderStatus
    origin: OrderOrigin


@dataclass(frozen=True, slots=True)
class OwnersOrders:
    """What an owner has ordered, as far as the next order depends on it.

    ``last_number`` counts all orders, cancelled ones included. ``take_may_come``: a cancelled
    order may still take something from the cart.
    """

    latest: LatestOrder | None
    last_number: int
    take_may_come: bool


@dataclass(frozen=True, slots=True)
class StepRefusal:
    """A definite no to a step. ``available`` is the stock of the SKUs that were short."""

    reason: Reason
    available: Mapping[str, int] = field(default_factory=dict)


class CheckoutRefusal(ResponseModel):
    """Why a checkout ended without an order."""

    reason: Reason
    quote: Quote | None


class OutcomeKind(StrEnum):
    """How a checkout had ended when its request got a response."""

    CONFIRMED = "confirmed"
    PENDING = "pending"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CheckoutOutcome:
    """The outcome that was sent, kept for repeated requests.

    ``document`` is the JSON of that moment, kept word for word: of an `Order`, or of a
    `CheckoutRefusal` if the checkout was refused.
    """

    kind: OutcomeKind
    document: str

    @classmethod
    def confirmed(cls, order: StoredOrder) -> Self:
        return cls(OutcomeKind.CONFIRMED, order.owner_view().model_dump_json())

    @classmethod
    def pending(cls, order: StoredOrder) -> Self:
        return cls(OutcomeKind.PENDING, order.owner_view().model_dump_json())

    @classmethod
    def refused(cls, reason: Reason, *, quote: Quote | None = None) -> Self:
        refusal = CheckoutRefusal(reason=reason, quote=quote)
        return cls(OutcomeKind.REFUSED, refusal.model_dump_json())


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """What is remembered of the checkout that used an idempotency key.

    ``outcome`` is None until an outcome was sent.
    """

    order_id: str
    payload_hash: str
    outcome: CheckoutOutcome | None
