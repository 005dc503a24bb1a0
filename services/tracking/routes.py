"""The HTTP contract of orders."""

from fastapi import APIRouter, Response, status
from fastapi.sse import EventSourceResponse
from pydantic import TypeAdapter

from app.request.idempotency import document_required_key
from app.request.pagination import Cursor, Limit, Milliseconds, Page, decode_cursor, encode_cursor
from app.request.problems import problems
from services.tracking.dependencies import (
    AccountRequired,
    Broker,
    Checkouts,
    Customer,
    IdempotencyKey,
    OrderId,
    OrderListener,
    Orders,
    OwnOrder,
    Timings,
)
from services.tracking.event_stream import event_stream
from services.tracking.models import (
    FINAL_SHIPMENT_STATUSES,
    CheckoutRequest,
    Order,
    Step,
    StoredOrder,
)
from services.tracking.responses import (
    CANCEL_RESPONSES,
    CHECKOUT_RESPONSES,
    STREAM_RESPONSES,
    checkout_response,
)

router = APIRouter(prefix="/v1/orders", tags=["orders"])

LISTING = "orders"
POSITION = TypeAdapter(tuple[Milliseconds, OrderId])

KEY_PARAMETER = document_required_key(
    "Identifies this checkout. A request with the same key and body gets the same response."
)


@router.post("", status_code=201, responses=CHECKOUT_RESPONSES, openapi_extra=KEY_PARAMETER)
async def check_out(
    customer: Customer, key: IdempotencyKey, checkout: CheckoutRequest, checkouts: Checkouts
) -> Response:
    """Order everything in the caller's cart for the total they have seen.

    201: confirmed. 202: still working, look at `Location`. 409 `quote-changed`: a price or the
    stock is different now, and `quote` says what it would be. 409 `already-ordered`: this cart
    made an order already, `order_id`; it can be ordered again if that one is cancelled.
    """
    result = await checkouts.check_out(customer, checkout, key=key)
    return checkout_response(result, location=f"{router.prefix}/{result.order_id}")


@router.get("", responses=problems(AccountRequired))
async def list_orders(
    customer: Customer, orders: Orders, limit: Limit = 20, cursor: Cursor = None
) -> Page[Order]:
    """The caller's orders, newest first."""
    after = decode_cursor(cursor, LISTING, POSITION) if cursor else None
    # One more than the page holds tells whether there is a next page.
    found = await orders.page(customer.subject, after=after, limit=limit + 1)
    items = [order.owner_view() for order in found[:limit]]
    return Page(items=items, next_cursor=_cursor_after(found[limit - 1]) if found[limit:] else None)


@router.get("/{order_id}", responses=problems(AccountRequired))
async def read_order(order: OwnOrder) -> Order:
    """One of the caller's orders."""
    return order.owner_view()


@router.post("/{order_id}:cancel", responses=CANCEL_RESPONSES)
async def cancel_order(
    order_id: OrderId, customer: Customer, orders: Orders, response: Response
) -> Order:
    """Cancel an order whose parcel has not left the house; doing it twice is doing it once."""
    order = await orders.cancel(customer.subject, order_id)
    if order.step is not Step.DONE:
        response.status_code = status.HTTP_202_ACCEPTED
    return order.owner_view()


@router.get("/{order_id}/events", response_model=None, responses=STREAM_RESPONSES)
async def follow_order(
    order: OwnOrder, listener: OrderListener, broker: Broker, timings: Timings
) -> EventSourceResponse | Response:
    """What happens to the order, as server-sent events; `Last-Event-ID` resumes."""
    is_final = order.shipment_status in FINAL_SHIPMENT_STATUSES
    if is_final and listener.seen >= order.sequence:
        # Only 204 makes a browser's EventSource stop reconnecting.
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return event_stream(broker, listener, timings)


def _cursor_after(order: StoredOrder) -> str:
    return encode_cursor([order.created_at, order.id], LISTING)
