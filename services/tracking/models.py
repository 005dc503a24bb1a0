"""What an order is, on the wire and in the store.

Two fields of a `StoredOrder` say where its checkout stands:

* ``status`` is the decision: ``pending`` (going forward), ``confirmed`` or ``cancelled``;
* ``step`` is what is being done about it, ``done`` when nothing is left to do.

``version`` rises with each change; every change names the version it was based on, so a
process that has fallen behind can no longer change anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

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
"""Countries whose posts deliver without a code (Universal Postal Union)."""


class Status(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class Step(StrEnum):
    """What the saga does next; `saga.STEPS` says how."""

    RESERVE = "reserve"
    PAY = "pay"
    COMMIT = "commit"
    TAKE = "take"
    REFUND = "refund"
    RELEASE = "release"
    DONE = "done"


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
    """Where the parcel goes. Some countries have no postal codes."""

    name: Annotated[str, Text(1, 100)]
    line1: Annotated[str, Text(1, 200)]
    line2: Annotated[str, Text(1, 200)] | None = None
    city: Annotated[str, Text(1, 100)]
    country: Annotated[Country, Field(description="ISO 3166-1 alpha-2")]
    # After the country: the check below reads it.
    postal_code: Annotated[
        Annotated[str, Text(1, 20)] | None,
        Field(validate_default=True, description="Needed where the country has postal codes."),
    ] = None

    @field_validator("postal_code")
    @classmethod
    def _needed_where_there_are_any(cls, code: str | None, info: ValidationInfo) -> str | None:
        country = info.data.get("country")
        if code is None and country is not None and country not in WITHOUT_POSTAL_CODES:
            raise ValueError("is needed in this country")
        return code


REMOVED = "(removed)"


def anonymous(address: Address) -> Address:
    """What is kept of an address when its owner's account is gone: the country, for the taxes."""
    return Address(
        name=REMOVED, line1=REMOVED, city=REMOVED, postal_code=REMOVED, country=address.country
    )


class Checkout(RequestModel):
    """What the shopper agrees to: this total, sent to this address."""

    expected_total: Money
    address: Address


class OrderLine(ResponseModel):
    sku: str
    name: str
    quantity: Annotated[int, Field(ge=1, le=99)]
    unit_price: Money


class ShipmentEvent(ResponseModel):
    """One move of the parcel; ``sequence`` orders them, the clock only describes them."""

    sequence: int
    status: ShipmentStatus
    at: datetime


class Shipment(ResponseModel):
    status: ShipmentStatus
    events: list[ShipmentEvent]


class Order(ResponseModel):
    """An order as its owner sees it."""

    id: str
    status: Status
    reason: Reason | None = Field(description="Why it was cancelled.")
    total: Money
    lines: list[OrderLine]
    address: Address
    created_at: datetime
    shipment: Shipment


class QuoteLine(ResponseModel):
    """A line as it could be bought now; without a price it is no longer sold."""

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

    Nobody but the one at work on it touches the order before ``due_at``.
    """

    id: str
    owner: str
    status: Status
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
    def is_over(self) -> bool:
        """Whether nothing will ever happen to it again."""
        if self.status is Status.CANCELLED:
            return self.step is Step.DONE
        return self.shipment_status is ShipmentStatus.DELIVERED

    def is_due(self, *, now: int, latest: int) -> bool:
        """Whether somebody else may take it up.

        Nobody postpones anything beyond ``latest``: a later time was written by a clock that
        was wrong, and nobody waits for it.
        """
        return not now < self.due_at <= latest

    def at_step(self, step: Step) -> "StoredOrder":
        """The same decision, the next thing to do about it."""
        return replace(self, step=step)

    def confirmed(self, *, now: int) -> "StoredOrder":
        decided = replace(self, status=Status.CONFIRMED, step=Step.DONE)
        return decided.moved(ShipmentStatus.CONFIRMED, now=now)

    def cancelled(self, reason: Reason, *, undo_from: Step, now: int) -> "StoredOrder":
        """Decided against; ``undo_from`` is the first thing to give back."""
        decided = replace(self, status=Status.CANCELLED, step=undo_from, reason=reason)
        return decided.moved(ShipmentStatus.CANCELLED, now=now)

    def moved(self, status: ShipmentStatus, *, now: int) -> "StoredOrder":
        """The parcel is somewhere else: one more event."""
        event = ShipmentEvent(sequence=self.sequence + 1, status=status, at=moment(now))
        return replace(
            self,
            shipment_status=status,
            sequence=event.sequence,
            events=(*self.events, event),
        )

    def as_seen(self) -> Order:
        """The order without its machinery."""
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
class Basis:
    """What a checkout starts from; the store lets one order that is not cancelled follow from it.

    A cart's state is its version and the time of its last change: a cart that expired counts
    its versions from the start again. ``ordinal`` numbers the orders of one owner that were
    not cancelled. It is read before the cart, so an order placed since then has taken it.
    """

    cart_version: int
    cart_updated_at: int
    ordinal: int


@dataclass(frozen=True, slots=True)
class LatestOrder:
    """The owner's newest order that is not cancelled, as far as the next one depends on it."""

    id: str
    status: Status
    basis: Basis


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a checkout, kept word for word for whoever sends the same key again.

    ``status`` is an HTTP status; ``body`` is the order, or the refusal's quote, as JSON.
    """

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A clear no to a step; ``available`` is the stock of the SKUs that were short."""

    reason: Reason
    available: Mapping[str, int] = field(default_factory=dict)


class Refused(ResponseModel):
    """Why a checkout ended without an order, as it is kept for the same key again."""

    reason: Reason
    quote: Quote | None
