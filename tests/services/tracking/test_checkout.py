"""Checking out through the front door."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from tests.services.tracking.backend import Shop, eventually
from tests.services.tracking.fake_upstreams import down
from tests.services.tracking.running_service import (
    ADDRESS,
    Customer,
    RunningService,
    eur,
    run_service,
)

PATIENT = {"request_timeout": 60.0, "checkout_patience": 50.0, "stall_seconds": 2.0}
"""For many at once on a crowded machine."""


@pytest.fixture
async def service(sqlite_shop: Shop) -> Any:
    async with run_service(sqlite_shop) as opened:
        yield opened


def kind(response: Any) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    return str(response.json()["type"]).rpartition(":")[2]


async def test_a_checkout_is_answered_with_the_confirmed_order(service: RunningService) -> None:
    response = await service.customer().check_out()
    assert response.status_code == 201
    order = response.json()
    assert response.headers["location"] == f"/v1/orders/{order['id']}"
    assert order["status"] == "confirmed"
    assert order["total"] == eur(1000)
    assert order["lines"] == [
        {"sku": "LAMP", "name": "A fine lamp", "quantity": 2, "unit_price": eur(500)}
    ]
    assert order["address"] == ADDRESS | {"line2": None}
    assert order["shipment"]["status"] == "confirmed"
    assert [event["sequence"] for event in order["shipment"]["events"]] == [1]
    assert order["created_at"].endswith("Z")
    assert (await service.customer().get(response.headers["location"])).json() == order


@pytest.mark.fault(42, store=("sqlite", "postgres"))
async def test_the_same_key_gets_the_same_response_and_no_second_order(
    service: RunningService,
) -> None:
    first = await service.customer().check_out()
    again = await service.customer().check_out()
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert service.shop.products.stock("LAMP") == 8


@pytest.mark.fault(42, store=("sqlite", "postgres"))
async def test_fifty_parallel_posts_with_one_key_make_one_order(shop: Shop) -> None:
    async with run_service(shop, **PATIENT) as service:
        customer = service.customer()
        responses = await asyncio.gather(*(insist(customer) for _ in range(50)))
        assert {(response.status_code, response.content) for response in responses} == {
            (201, responses[0].content)
        }
        assert shop.products.stock("LAMP") == 8
        assert len((await customer.get("/v1/orders")).json()["items"]) == 1


@pytest.mark.fault(48, store=("sqlite", "postgres"))
async def test_more_shoppers_than_stock_get_exactly_the_stock(shop: Shop) -> None:
    shoppers = [f"user_{n:03}" for n in range(40)]
    for shopper in shoppers:
        shop.carts.fill(shopper, LAMP=1)
    async with run_service(shop, **PATIENT) as service:
        responses = await asyncio.gather(
            *(insist(service.customer(shopper), eur(500)) for shopper in shoppers)
        )
    statuses = sorted(response.status_code for response in responses)
    assert statuses == [201] * 10 + [409] * 30
    assert {kind(response) for response in responses if response.status_code == 409} == {
        "quote-changed"
    }
    assert shop.products.stock("LAMP") == 0


@pytest.mark.fault(43, store=("sqlite", "postgres"))
async def test_the_same_key_with_another_payload_is_refused(service: RunningService) -> None:
    await service.customer().check_out()
    other = await service.customer().check_out(address=ADDRESS | {"city": "Hertford"})
    assert (other.status_code, kind(other)) == (422, "idempotency-key-reused")


@pytest.mark.fault(45, store=("sqlite", "postgres"))
async def test_the_same_key_of_another_shopper_is_independent(service: RunningService) -> None:
    service.shop.carts.fill("user_bob", LAMP=2)
    ada = await service.customer("user_ada").check_out()
    bob = await service.customer("user_bob").check_out()
    assert (ada.status_code, bob.status_code) == (201, 201)
    assert ada.json()["id"] != bob.json()["id"]


@pytest.mark.fault(46, store=("sqlite", "postgres"))
@pytest.mark.parametrize("key", ["", "a b", "a\tb", "ä", "k" * 256, "k" * 10_000])
async def test_a_key_that_is_not_visible_ascii_is_a_bad_request(
    service: RunningService, key: str
) -> None:
    headers = dict(service.customer().headers)
    body = {"expected_total": eur(1000), "address": ADDRESS}
    response = await service.client.post(
        "/v1/orders", json=body, headers=[*headers.items(), ("Idempotency-Key", key.encode())]
    )
    assert (response.status_code, kind(response)) == (400, "bad-request")


@pytest.mark.fault(46, store=("sqlite", "postgres"))
async def test_a_missing_key_is_a_bad_request(service: RunningService) -> None:
    body = {"expected_total": eur(1000), "address": ADDRESS}
    response = await service.client.post(
        "/v1/orders", json=body, headers=service.customer().headers
    )
    assert response.status_code == 400


@pytest.mark.fault(52, store=("sqlite", "postgres"))
async def test_an_empty_cart_is_refused(service: RunningService) -> None:
    response = await service.customer("user_with_nothing").check_out()
    assert (response.status_code, kind(response)) == (409, "cart-empty")


@pytest.mark.fault(49, store=("sqlite", "postgres"))
async def test_another_price_is_answered_with_a_fresh_quote(service: RunningService) -> None:
    service.shop.products.catalogue["LAMP"].price = 600
    response = await service.customer().check_out()
    assert (response.status_code, kind(response)) == (409, "quote-changed")
    assert response.json()["quote"] == {
        "total": eur(1200),
        "lines": [
            {
                "sku": "LAMP",
                "name": "A fine lamp",
                "quantity": 2,
                "unit_price": eur(600),
                "available": 10,
            }
        ],
    }
    accepted = await service.customer().check_out(response.json()["quote"]["total"])
    assert accepted.status_code == 201


async def test_another_currency_is_another_price(service: RunningService) -> None:
    response = await service.customer().check_out({"amount": 1000, "currency": "JPY"})
    assert (response.status_code, kind(response)) == (409, "quote-changed")


@pytest.mark.fault(50, store=("sqlite", "postgres"))
async def test_a_product_that_is_no_longer_sold_is_flagged_in_the_quote(
    service: RunningService,
) -> None:
    service.shop.carts.fill("user_ada", GONE=1)
    response = await service.customer().check_out()
    assert (response.status_code, kind(response)) == (409, "quote-changed")
    gone = response.json()["quote"]["lines"][1]
    assert (gone["sku"], gone["unit_price"], gone["available"]) == ("GONE", None, 0)


async def test_too_little_stock_is_answered_with_what_is_there(service: RunningService) -> None:
    service.shop.products.catalogue["LAMP"].stock = 1
    response = await service.customer().check_out()
    assert (response.status_code, kind(response)) == (409, "quote-changed")
    assert response.json()["quote"]["lines"][0]["available"] == 1


async def test_stock_that_is_sold_between_quote_and_reservation_is_quote_changed_in_replays_too(
    service: RunningService,
) -> None:
    def sell_out(operation: str) -> str | None:
        if operation == "reserve":
            service.shop.products.catalogue["LAMP"].stock = 1
        return None

    service.shop.products.trouble = sell_out
    first = await service.customer().check_out()
    again = await service.customer().check_out()
    for response in (first, again):
        assert (response.status_code, kind(response)) == (409, "quote-changed")
        assert response.json()["quote"]["lines"][0]["available"] == 1
    assert again.headers["idempotency-replayed"] == "true"
    orders = (await service.customer().get("/v1/orders")).json()["items"]
    assert [(order["status"], order["reason"]) for order in orders] == [
        ("cancelled", "out-of-stock")
    ]


async def test_a_declined_payment_is_409_and_the_cart_stays(sqlite_shop: Shop) -> None:
    async with run_service(sqlite_shop, payment_mode="decline") as service:
        response = await service.customer().check_out()
    assert (response.status_code, kind(response)) == (409, "payment-declined")
    assert sqlite_shop.products.stock("LAMP") == 10
    assert sqlite_shop.carts.lines["user_ada"] == {"LAMP": 2}


async def test_a_slow_checkout_is_answered_202_and_ends_confirmed(sqlite_shop: Shop) -> None:
    async with run_service(
        sqlite_shop, payment_mode="slow", payment_delay=0.5, checkout_patience=0.1
    ) as service:
        response = await service.customer().check_out()
        assert (response.status_code, response.json()["status"]) == (202, "pending")
        await becomes("confirmed", service, response.headers["location"])
        again = await service.customer().check_out()
        assert (again.status_code, again.content) == (202, response.content)


@pytest.mark.fault(44, store=("sqlite", "postgres"))
async def test_a_duplicate_request_waits_for_the_outcome_of_the_first(sqlite_shop: Shop) -> None:
    async with run_service(sqlite_shop, payment_mode="slow", payment_delay=0.4) as service:
        first, second = await asyncio.gather(
            service.customer().check_out(), service.customer().check_out()
        )
    assert (first.status_code, first.content) == (second.status_code, second.content)


@pytest.mark.fault(44, store=("sqlite", "postgres"))
async def test_a_duplicate_request_of_a_long_checkout_is_in_progress(
    sqlite_shop: Shop,
) -> None:
    async with run_service(
        sqlite_shop, payment_mode="slow", payment_delay=1.0, checkout_patience=3.0
    ) as service:
        first = asyncio.create_task(service.customer().check_out())
        await asked(sqlite_shop, "reserve")
        headers = {"x-request-timeout-ms": "600"}
        body = {"expected_total": eur(1000), "address": ADDRESS}
        second = await service.client.post(
            "/v1/orders",
            json=body,
            headers={**service.customer().headers, "Idempotency-Key": "key-1", **headers},
        )
        assert (second.status_code, kind(second)) == (409, "in-progress")
        assert second.headers["retry-after"] == "1"
        assert (await first).status_code == 201


async def test_a_client_that_disconnects_does_not_stop_the_checkout(sqlite_shop: Shop) -> None:
    async with run_service(sqlite_shop, payment_mode="slow", payment_delay=0.2) as service:
        leaving = asyncio.create_task(service.customer().check_out())
        await asked(sqlite_shop, "reserve")
        leaving.cancel()
        orders = (await service.customer().get("/v1/orders")).json()["items"]
        await becomes("confirmed", service, f"/v1/orders/{orders[0]['id']}")


async def test_a_step_without_a_definite_result_is_retried_later(sqlite_shop: Shop) -> None:
    async with run_service(sqlite_shop, retry_seconds=0.1) as service:
        sqlite_shop.products.trouble = lambda op: "unreached" if op == "commit" else None
        response = await service.customer().check_out()
        assert (response.status_code, response.json()["status"]) == (202, "pending")
        sqlite_shop.products.trouble = lambda _: None
        await becomes("confirmed", service, response.headers["location"])


async def test_a_checkout_fails_while_the_cart_service_is_down(service: RunningService) -> None:
    service.shop.carts.trouble = down
    response = await service.customer().check_out()
    assert response.status_code == 503
    assert "retry-after" in response.headers
    service.shop.carts.trouble = lambda _: None
    assert (await service.customer().check_out()).status_code == 201


@pytest.mark.fault(53, store=("sqlite", "postgres"))
async def test_what_is_added_during_the_checkout_stays_in_the_cart(service: RunningService) -> None:
    def add_more(operation: str) -> str | None:
        if operation == "commit":
            service.shop.carts.lines["user_ada"] = {"LAMP": 3, "VASE": 1}
        return None

    service.shop.products.trouble = add_more
    assert (await service.customer().check_out()).status_code == 201
    assert service.shop.carts.lines["user_ada"] == {"LAMP": 1, "VASE": 1}


async def test_a_guest_is_403_with_where_to_log_in(service: RunningService) -> None:
    guest = service.customer("guest_1", "guest")
    for response in (await guest.check_out(), await guest.get("/v1/orders")):
        assert (response.status_code, kind(response)) == (403, "account-required")
        assert response.json()["login"] == "/v1/sessions"


@pytest.mark.fault(83, store=("sqlite", "postgres"))
async def test_a_request_without_a_token_is_401(service: RunningService) -> None:
    assert (await service.client.get("/v1/orders")).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"expected_total": {"amount": -1, "currency": "EUR"}},
        {"expected_total": {"amount": 10.5, "currency": "EUR"}},
        {"expected_total": {"amount": True, "currency": "EUR"}},
        {"expected_total": {"amount": "1000", "currency": "EUR"}},
        {"expected_total": {"amount": 2**63, "currency": "EUR"}},
        {"expected_total": {"amount": 1000, "currency": "euro"}},
        {"address": ADDRESS | {"country": "gb"}},
        {"address": ADDRESS | {"name": ""}},
        {"address": ADDRESS | {"name": "a\u200bb"}},
        {"address": ADDRESS | {"city": "x" * 101}},
        {"address": {"name": "Ada"}},
        {"status": "confirmed"},
    ],
)
async def test_a_bad_payload_is_422_and_its_values_are_not_repeated(
    service: RunningService, changes: dict[str, Any]
) -> None:
    response = await service.customer().check_out(**changes)
    assert response.status_code == 422
    assert response.json()["errors"]
    assert "1 Loom Lane" not in response.text


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "علی\u200cرضا"},
        {"line1": "क्\u200dष मार्ग 7"},
        {"name": "👨\u200d👩\u200d👧 Axle"},
    ],
)
async def test_an_address_is_kept_as_it_is_written(
    service: RunningService, changes: dict[str, Any]
) -> None:
    service.shop.carts.fill("user_ada", LAMP=1)
    response = await service.customer().check_out(eur(500), address=ADDRESS | changes)
    assert response.status_code == 201
    assert response.json()["address"].items() >= changes.items()


async def test_a_country_without_postal_codes_needs_none(service: RunningService) -> None:
    service.shop.carts.fill("user_ada", LAMP=1)
    address = {name: value for name, value in ADDRESS.items() if name != "postal_code"}
    refused = await service.customer().check_out(eur(500), address=address)
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/address/postal_code"]
    placed = await service.customer().check_out(eur(500), address=address | {"country": "HK"})
    assert placed.status_code == 201
    assert placed.json()["address"]["postal_code"] is None


async def test_pages_of_orders_are_linked_by_cursors(service: RunningService) -> None:
    customer = service.customer()
    for number in range(5):
        service.shop.carts.fill("user_ada", LAMP=1)
        assert (await customer.check_out(eur(500), key=str(number))).status_code == 201
    whole = (await customer.get("/v1/orders", limit=100)).json()
    assert whole["next_cursor"] is None
    seen: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await customer.get("/v1/orders", limit=2, **cursor)).json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == whole["items"]
    assert len(seen) == 5


@pytest.mark.fault(70, store=("sqlite", "postgres"))
async def test_an_order_of_another_shopper_is_404(service: RunningService) -> None:
    order_id = (await service.customer().check_out()).json()["id"]
    mallory = service.customer("user_mallory")
    for path in (f"/v1/orders/{order_id}", f"/v1/orders/{order_id}/events"):
        assert same_body(await mallory.get(path), await mallory.get("/v1/orders/ord_unknown"))
    assert same_body(await mallory.cancel(order_id), await mallory.cancel("ord_unknown"))
    assert (await service.customer().get(f"/v1/orders/{order_id}")).json()["status"] == "confirmed"


def same_body(response: Any, missing: Any) -> bool:
    bodies = [json.loads(each.content) for each in (response, missing)]
    for body in bodies:
        del body["request_id"], body["instance"]
    return response.status_code == missing.status_code == 404 and bodies[0] == bodies[1]


async def insist(customer: Customer, total: Any = None) -> httpx2.Response:
    """Repeat the checkout with the same key until it is decided, as a client does under load."""
    async with asyncio.timeout(60):
        while True:
            response = await customer.check_out(total)
            is_decided = response.status_code == 201 or kind(response) == "quote-changed"
            if is_decided:
                return response
            assert response.status_code == 503 or kind(response) == "in-progress"
            await asyncio.sleep(0.1)


async def becomes(status: str, service: RunningService, path: str) -> None:
    async def has_become() -> bool:
        order = await service.customer().get(path)
        return bool(order.json()["status"] == status)

    await eventually(has_become)


async def asked(shop: Shop, operation: str) -> None:
    async def was_asked() -> bool:
        return operation in shop.products.asked

    await eventually(was_asked)
