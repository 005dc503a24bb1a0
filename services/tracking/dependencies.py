"""What the routes need, by its name in the shop."""

from collections.abc import AsyncIterator
from typing import Annotated, TypedDict, cast

from fastapi import Depends, Header, Path, Request

from app.errors import Forbidden
from app.identity import CallerToken, CurrentIdentity, TokenVerifier
from app.request.idempotency import required_key
from services.tracking.checkout import CheckoutService, Shopper
from services.tracking.event_broker import EventBroker, Listener
from services.tracking.event_stream import StreamTimings
from services.tracking.models import StoredOrder
from services.tracking.service import OrderService
from services.tracking.settings import TrackingSettings

MAX_EVENT_ID = 1_000_000


class AccountRequired(Forbidden):
    type = "account-required"
    title = "Orders need an account"


class State(TypedDict):
    """What start-up creates and requests use."""

    checkouts: CheckoutService
    orders: OrderService
    event_broker: EventBroker
    verifier: TokenVerifier
    tracking_settings: TrackingSettings


def _state(request: Request) -> State:
    # `request.state` would cost 3 µs more.
    return cast(State, request.scope["state"])


async def _checkouts(request: Request) -> CheckoutService:
    return _state(request)["checkouts"]


async def _orders(request: Request) -> OrderService:
    return _state(request)["orders"]


async def _event_broker(request: Request) -> EventBroker:
    return _state(request)["event_broker"]


async def _stream_timings(request: Request) -> StreamTimings:
    settings = _state(request)["tracking_settings"]
    return StreamTimings(
        heartbeat=settings.events_heartbeat_seconds, max_age=settings.events_longest_seconds
    )


async def _customer(identity: CurrentIdentity, token: CallerToken) -> Shopper:
    if "user" not in identity.roles:
        raise AccountRequired(
            "Log in or register first: the cart comes along.", login="/v1/sessions"
        )
    return Shopper(subject=identity.subject, token=token)


Checkouts = Annotated[CheckoutService, Depends(_checkouts)]
Orders = Annotated[OrderService, Depends(_orders)]
Broker = Annotated[EventBroker, Depends(_event_broker)]
Timings = Annotated[StreamTimings, Depends(_stream_timings)]
Customer = Annotated[Shopper, Depends(_customer)]
"""A caller with an account; a guest is answered 403 with where to log in."""
IdempotencyKey = Annotated[str, Depends(required_key)]
OrderId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
LastEventId = Annotated[
    int,
    Header(alias="Last-Event-ID", ge=0, le=MAX_EVENT_ID, description="The last event you have."),
]


async def _own_order(order_id: OrderId, customer: Customer, orders: Orders) -> StoredOrder:
    return await orders.order(customer.subject, order_id)


OwnOrder = Annotated[StoredOrder, Depends(_own_order)]
"""The caller's order of that id; 404 for an order of another owner as for none."""


async def _listener(
    order: OwnOrder, broker: Broker, last_event_id: LastEventId = 0
) -> AsyncIterator[Listener]:
    # The block ends when the last byte was sent or the client disconnected.
    # An id that is ahead of the order is cut: its events would never be sent.
    seen = min(last_event_id, order.sequence)
    with broker.listening(order.owner, order.id, after=seen) as listener:
        yield listener


OrderListener = Annotated[Listener, Depends(_listener)]
