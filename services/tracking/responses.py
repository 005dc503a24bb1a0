"""What the routes answer: outcomes as HTTP responses, and their OpenAPI descriptions."""

from typing import Any

from fastapi import Response, status

from app.errors import Conflict, IdempotencyKeyReused, Problem
from app.request.idempotency import REPLAYED
from app.request.problems import problems
from services.tracking.checkout import (
    AlreadyOrdered,
    CartEmpty,
    CheckoutResult,
    InProgress,
    QuoteChanged,
)
from services.tracking.dependencies import AccountRequired
from services.tracking.event_broker import NoMoreListeners, TooManyStreams
from services.tracking.models import CheckoutRefusal, Order, OutcomeKind, Reason
from services.tracking.service import AlreadyShipped

CHECKOUT_STATUSES = {
    OutcomeKind.CONFIRMED: status.HTTP_201_CREATED,
    OutcomeKind.PENDING: status.HTTP_202_ACCEPTED,
}
EXPLANATIONS = {
    Reason.OUT_OF_STOCK: "A product was sold to somebody else.",
    Reason.RESERVATION_LOST: "The stock could not be held. No money was kept.",
    Reason.GAVE_UP: "The shop could not finish the order. No money was kept.",
    Reason.SHOPPER: "You cancelled it.",
}


class PaymentDeclined(Conflict):
    type = "payment-declined"
    title = "The payment was declined"


class CheckoutFailed(Conflict):
    type = "checkout-failed"
    title = "The order was cancelled"


def checkout_response(result: CheckoutResult, *, location: str) -> Response:
    """The outcome of a checkout. Raises it as a problem if the checkout was refused."""
    replayed = REPLAYED if result.is_replay else {}
    if result.outcome.kind is OutcomeKind.REFUSED:
        problem = _refusal(CheckoutRefusal.model_validate_json(result.outcome.document))
        problem.headers |= replayed
        raise problem
    return Response(
        result.outcome.document,
        status_code=CHECKOUT_STATUSES[result.outcome.kind],
        headers={"Location": location} | replayed,
        media_type="application/json",
    )


def _refusal(refusal: CheckoutRefusal) -> Problem:
    if refusal.quote is not None:
        return QuoteChanged(refusal.quote)
    if refusal.reason is Reason.PAYMENT_DECLINED:
        return PaymentDeclined("No money was taken. Nothing was ordered.")
    return CheckoutFailed(EXPLANATIONS[refusal.reason])


LOCATION = {"Location": {"description": "The order.", "schema": {"type": "string"}}}
CHECKOUT_RESPONSES: dict[int | str, dict[str, Any]] = {
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
CANCEL_RESPONSES: dict[int | str, dict[str, Any]] = {
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
STREAM_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `shipment` as they happen, `end` after the last, `bye` to reconnect",
        "content": {"text/event-stream": {"itemSchema": EVENT}},
    },
    204: {"description": "You have seen the last event: nothing will follow"},
    **problems(AccountRequired, TooManyStreams, NoMoreListeners),
}
