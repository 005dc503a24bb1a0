"""The HTTP side of orders."""

from typing import Any

from fastapi import APIRouter, Response, status
from fastapi.sse import EventSourceResponse
from pydantic import TypeAdapter

from app.errors import IdempotencyKeyReused
from app.request.idempotency import REPLAYED, document_required_key
from app.request.pagination import Cursor, Limit, Milliseconds, Page, decode_cursor, encode_cursor
from app.request.problems import problems
from services.tracking.dependencies import (
    Customer,
    IdempotencyKey,
    News,
    OrderId,
    OrderListener,
    OrdersService,
    OwnOrder,
    Tempo,
)
from services.tracking.events import NoMoreListeners, TooManyStreams
from services.tracking.models import FINAL_SHIPMENT_STATUSES, Checkout, Order, Step, StoredOrder
from services.tracking.service import (
    AccountRequired,
    AlreadyOrdered,
    AlreadyShipped,
    CartEmpty,
    CheckoutFailed,
    InProgress,
    PaymentDeclined,
    QuoteChanged,
)
from services.tracking.stream import event_stream

router = APIRouter(prefix="/v1/orders", tags=["orders"])

LISTING = "orders"
POSITION = TypeAdapter(tuple[Milliseconds, OrderId])

KEY_PARAMETER = document_required_key(
    "Names this checkout: sent again, it gives the same answer again."
)
LOCATION = {"Location": {"description": "The order.", "schema": {"type": "string"}}}
CHECKOUT_ANSWERS: dict[int | str, dict[str, Any]] = {
    201: {"model": Order, "description": "Confirmed", "headers": LOCATION},
    202: {"model": Order, "description": "Still working", "headers": LOCATION},
    **problems(
        AccountRequired,
        CartEmpty,
        AlreadyOrdered,
        QuoteChanged,
        PaymentDeclined,
        CheckoutFailed,
        InProgress,
        IdempotencyKeyReused,
    ),
}
CANCEL_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Cancelled; money and stock are back"},
    202: {"model": Order, "description": "Cancelled; money and stock are on their way back"},
    **problems(AccountRequired, AlreadyShipped, InProgress),
}
EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"type": "string", "enum": ["shipment", "end", "bye"]},
        "id": {"type": "string", "description": "What to send as `Last-Event-ID`."},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
STREAM_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `shipment` as they happen, `end` after the last, `bye` to reconnect",
        "content": {"text/event-stream": {"itemSchema": EVENT}},
    },
    204: {"description": "You have seen the last event: nothing will follow"},
    **problems(AccountRequired, TooManyStreams, NoMoreListeners),
}


@router.post("", status_code=201, responses=CHECKOUT_ANSWERS, openapi_extra=KEY_PARAMETER)
async def check_out(
    customer: Customer, key: IdempotencyKey, checkout: Checkout, orders: OrdersService
) -> Response:
    """Order everything in the caller's cart for the total they have seen.

    201: confirmed. 202: still working, look at `Location`. 409 `quote-changed`: a price or the
    stock is different now, and `quote` says what it would be. 409 `already-ordered`: this cart
    made an order already, `order_id`; it can be ordered again if that one is cancelled.
    """
    answered = await orders.check_out(customer, checkout, key=key)
    headers = {"Location": f"{router.prefix}/{answered.order_id}"}
    return Response(
        answered.reply.body,
        status_code=answered.reply.status,
        headers=headers | (REPLAYED if answered.replayed else {}),
        media_type="application/json",
    )


@router.get("", responses=problems(AccountRequired))
async def list_orders(
    customer: Customer, orders: OrdersService, limit: Limit = 20, cursor: Cursor = None
) -> Page[Order]:
    """The caller's orders, newest first."""
    after = decode_cursor(cursor, LISTING, POSITION) if cursor else None
    # One more than asked for tells whether there is a next page.
    found = await orders.page(customer.subject, after=after, limit=limit + 1)
    items = [order.as_seen() for order in found[:limit]]
    return Page(items=items, next_cursor=_cursor_after(found[limit - 1]) if found[limit:] else None)


@router.get("/{order_id}", responses=problems(AccountRequired))
async def read_order(order: OwnOrder) -> Order:
    """One of the caller's orders."""
    return order.as_seen()


@router.post("/{order_id}:cancel", responses=CANCEL_ANSWERS)
async def cancel_order(
    order_id: OrderId, customer: Customer, orders: OrdersService, response: Response
) -> Order:
    """Cancel an order whose parcel has not left the house; doing it twice is doing it once."""
    order = await orders.cancel(customer.subject, order_id)
    if order.step is not Step.DONE:
        response.status_code = status.HTTP_202_ACCEPTED
    return order.as_seen()


@router.get("/{order_id}/events", response_model=None, responses=STREAM_ANSWERS)
async def follow_order(
    order: OwnOrder, listener: OrderListener, news: News, tempo: Tempo
) -> EventSourceResponse | Response:
    """What happens to the order, as server-sent events; `Last-Event-ID` resumes."""
    is_final = order.shipment_status in FINAL_SHIPMENT_STATUSES
    if is_final and listener.seen >= order.sequence:
        # The one answer that makes a browser's EventSource stop asking.
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return event_stream(news, listener, tempo)


def _cursor_after(order: StoredOrder) -> str:
    return encode_cursor([order.created_at, order.id], LISTING)
