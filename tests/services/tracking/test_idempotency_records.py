"""What is kept of a checkout for repeated requests, across versions of the service."""

from typing import Any

import pytest

from app.stores.statements import Statement
from services.tracking.models import CheckoutOutcome, OutcomeKind, Reason
from tests.services.tracking.backend import Shop, an_order, open_backend
from tests.services.tracking.fake_upstreams import down
from tests.services.tracking.running_service import RunningService, run_service

ORDER = (
    '{"id":"ord_00000001","status":"confirmed","reason":null,'
    '"total":{"amount":1000,"currency":"EUR"},"lines":[{"sku":"LAMP","name":"A fine lamp",'
    '"quantity":2,"unit_price":{"amount":500,"currency":"EUR"}}],"address":{"name":"Ada",'
    '"line1":"1 Loom Lane","line2":null,"city":"Ware","country":"GB","postal_code":"SG12"},'
    '"created_at":"2026-09-21T13:46:40Z","shipment":{"status":"confirmed","events":[]}}'
)
QUOTE = {
    "total": {"amount": 1000, "currency": "EUR"},
    "lines": [
        {
            "sku": "LAMP",
            "name": "A fine lamp",
            "quantity": 2,
            "unit_price": {"amount": 500, "currency": "EUR"},
            "available": 1,
        }
    ],
}
REFUSED_FOR_STOCK = (
    '{"reason":"out-of-stock","quote":{"total":{"amount":1000,"currency":"EUR"},"lines":[{"sku":'
    '"LAMP","name":"A fine lamp","quantity":2,"unit_price":{"amount":500,"currency":"EUR"},'
    '"available":1}]}}'
)


async def row_of_an_earlier_version(service: RunningService, status: int, body: str) -> None:
    """Make the only order's row what a version that kept HTTP responses made it."""
    async with (
        open_backend(service.shop) as backend,
        backend.database.transaction("test") as connection,
    ):
        await connection.execute(
            Statement("UPDATE orders SET reply_status = :status, reply_body = :body"),
            {"status": status, "body": body},
        )


@pytest.mark.parametrize("status", [201, 202])
async def test_an_order_that_an_earlier_version_answered_is_replayed_word_for_word(
    shop: Shop, status: int
) -> None:
    async with run_service(shop) as service:
        first = await service.customer().check_out()
        await row_of_an_earlier_version(service, status, ORDER)
        again = await service.customer().check_out()
    assert (again.status_code, again.text) == (status, ORDER)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("body", "kind", "quote"),
    [
        (REFUSED_FOR_STOCK, "quote-changed", QUOTE),
        ('{"reason":"payment-declined","quote":null}', "payment-declined", None),
        ('{"reason":"gave-up","quote":null}', "checkout-failed", None),
    ],
)
async def test_a_refusal_of_an_earlier_version_is_replayed(
    shop: Shop, body: str, kind: str, quote: Any
) -> None:
    async with run_service(shop) as service:
        await service.customer().check_out()
        await row_of_an_earlier_version(service, 409, body)
        again = await service.customer().check_out()
    problem = again.json()
    assert (again.status_code, problem["type"]) == (409, f"urn:cartwheel:problem:{kind}")
    assert problem.get("quote") == quote
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (CheckoutOutcome(OutcomeKind.CONFIRMED, ORDER), 201),
        (CheckoutOutcome(OutcomeKind.PENDING, ORDER), 202),
        (CheckoutOutcome.refused(Reason.GAVE_UP), 409),
    ],
)
async def test_replicas_of_an_earlier_version_can_read_what_is_kept(
    shop: Shop, outcome: CheckoutOutcome, status: int
) -> None:
    async with open_backend(shop) as backend:
        order = await backend.place(an_order())
        await backend.orders.keep_outcome(order.id, outcome)
        async with backend.database.reading("test") as connection:
            query = Statement("SELECT reply_status, reply_body FROM orders")
            (row,) = await connection.rows(query)
    assert tuple(row) == (status, outcome.document)


@pytest.mark.fault(42)
async def test_a_repeated_checkout_is_replayed_while_products_and_cart_are_down(
    shop: Shop,
) -> None:
    async with run_service(shop) as service:
        first = await service.customer().check_out()
        service.shop.carts.trouble = down
        service.shop.products.trouble = down
        again = await service.customer().check_out()
        service.shop.products.catalogue.clear()
        and_again = await service.customer().check_out()
    assert (again.status_code, again.content) == (201, first.content)
    assert (and_again.status_code, and_again.content) == (201, first.content)
