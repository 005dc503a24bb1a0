"""What the routes need, by its name in the shop."""

from collections.abc import AsyncIterator
from typing import Annotated, TypedDict, cast

from fastapi import Depends, Header, Path, Request

from app.identity import CallerToken, CurrentIdentity, TokenVerifier
from app.request.idempotency import required_key
from services.tracking.events import Bulletin, Listener
from services.tracking.models import StoredOrder
from services.tracking.service import AccountRequired, Orders, Shopper
from services.tracking.settings import TrackingSettings
from services.tracking.stream import StreamTempo

MAX_EVENTS = 1_000_000


class State(TypedDict):
    """What start-up creates and requests use."""

    orders: Orders
    bulletin: Bulletin
    verifier: TokenVerifier
    tracking_settings: TrackingSettings


async def _orders(request: Request) -> Orders:
    return cast(Orders, request.state.orders)


async def _bulletin(request: Request) -> Bulletin:
    return cast(Bulletin, request.state.bulletin)


async def _tempo(request: Request) -> StreamTempo:
    settings = cast(TrackingSettings, request.state.tracking_settings)
    return StreamTempo(
        heartbeat=settings.events_heartbeat_seconds, longest=settings.events_longest_seconds
    )


async def _customer(identity: CurrentIdentity, token: CallerToken) -> Shopper:
    if "user" not in identity.roles:
        raise AccountRequired(
            "Log in or register first: the cart comes along.", login="/v1/sessions"
        )
    return Shopper(subject=identity.subject, token=token)


OrdersService = Annotated[Orders, Depends(_orders)]
News = Annotated[Bulletin, Depends(_bulletin)]
Tempo = Annotated[StreamTempo, Depends(_tempo)]
Customer = Annotated[Shopper, Depends(_customer)]
"""A caller with an account; a guest is answered 403 with where to log in."""
IdempotencyKey = Annotated[str, Depends(required_key)]
OrderId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
LastEventId = Annotated[
    int,
    Header(alias="Last-Event-ID", ge=0, le=MAX_EVENTS, description="The last event you have."),
]


async def _own_order(order_id: OrderId, customer: Customer, orders: OrdersService) -> StoredOrder:
    return await orders.order(customer.subject, order_id)


OwnOrder = Annotated[StoredOrder, Depends(_own_order)]
"""The caller's order of that id; 404 for somebody else's as for none."""


async def _listener(
    order: OwnOrder, news: News, last_event_id: LastEventId = 0
) -> AsyncIterator[Listener]:
    # Left when the last byte was sent or the listener went away, whichever comes first.
    # Nobody has seen what has not happened: a higher number would wait for ever.
    seen = min(last_event_id, order.sequence)
    with news.listening(order.owner, order.id, after=seen) as listener:
        yield listener


OrderListener = Annotated[Listener, Depends(_listener)]
