"""Checkout, orders and shipments."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.services.storefront.browser import ADDRESS, EMAIL, PAGE_HEADERS, Browser, Page
from tests.services.storefront.fake_upstreams import FakeUpstreams, problem, product

OWNER = f"user_{EMAIL}"


@pytest.fixture
async def shopper(browser: Browser) -> Browser:
    """Somebody with an account and one thing in the cart."""
    await browser.register()
    await browser.add("BIKE-1")
    return browser


@pytest.mark.parametrize("path", ["/checkout", "/orders", "/orders/order-0001"])
async def test_strangers_and_guests_are_asked_to_log_in_first(browser: Browser, path: str) -> None:
    assert (await browser.open(path)).path == "/login"
    await browser.add("BIKE-1")
    page = await browser.open(path)
    assert page.path == "/login"
    assert f'value="{path}"' in page.html


async def test_an_order_leads_to_its_page_and_empties_the_cart(shopper: Browser) -> None:
    page = await shopper.order()
    assert page.path == "/orders/order-0001"
    for words in ("Your order is placed.", "1 × Fixed wheel", "€19.99", "Hub Street 1", "Germany"):
        assert words in page.text
    assert "Cart 0 things" in page.text


async def test_pressing_twice_is_one_order(shopper: Browser, upstreams: FakeUpstreams) -> None:
    form = await shopper.open("/checkout")
    first, second = await asyncio.gather(
        shopper.submit(form, "/checkout", **ADDRESS),
        shopper.submit(form, "/checkout", **ADDRESS),
    )
    assert first.path == second.path == "/orders/order-0001"
    assert len(upstreams.orders) == 1


async def test_two_tabs_that_order_one_cart_both_end_at_its_order(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    tabs = [await shopper.open("/checkout") for _ in range(2)]
    pages = await asyncio.gather(*(shopper.submit(tab, "/checkout", **ADDRESS) for tab in tabs))
    assert {page.path for page in pages} == {"/orders/order-0001"}
    assert any("Your cart was ordered already." in page.text for page in pages)
    assert len(upstreams.orders) == 1


async def test_each_form_is_an_order_of_its_own(shopper: Browser) -> None:
    one, other = await shopper.open("/checkout"), await shopper.open("/checkout")
    keys = {page.form("/checkout").fields["order_key"] for page in (one, other)}
    assert len(keys) == 2


async def test_the_button_says_the_amount(shopper: Browser) -> None:
    assert "Order and pay €19.99" in (await shopper.open("/checkout")).text


async def test_missing_fields_are_shown_at_the_field_and_in_a_summary(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    page = await shopper.order(city="", country="XX")
    assert '<a href="#city">Enter the city.</a>' in page.html
    assert 'id="city-error"' in page.html
    assert '<a href="#country">Choose a country.</a>' in page.html
    assert 'value="Hub Street 1"' in page.html
    assert upstreams.orders == {}


async def test_a_country_without_postal_codes_can_be_chosen(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    page = await shopper.order(postal_code="", country="HK")
    assert page.path == "/orders/order-0001"
    assert "Rimville Hong Kong" in page.text
    assert "postal_code" not in upstreams.orders["order-0001"]["address"]


async def test_a_country_with_postal_codes_needs_one(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    assert 'id="postal_code-error"' in (await shopper.order(postal_code="")).html
    assert upstreams.orders == {}


async def test_a_field_that_tracking_declines_is_shown_at_the_field(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.responses["tracking"] = lambda _: problem(
        422, "unprocessable-payload", errors=[{"pointer": "/address/city", "message": "no"}]
    )
    assert 'id="city-error"' in (await shopper.order(city="Rim\u202eville")).html


@pytest.mark.fault(49)
async def test_a_price_that_changed_meanwhile_is_shown_before_anything_is_ordered(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    form = await shopper.open("/checkout")
    upstreams.stock(product("BIKE-1", price=2599))
    page = await shopper.submit(form, "/checkout", **ADDRESS)
    assert "A price or the stock changed while you were here." in page.text
    assert "Order and pay €25.99" in page.text
    assert upstreams.orders == {}
    fields = page.form("/checkout").fields
    assert fields["order_key"] != form.form("/checkout").fields["order_key"]
    again = await shopper.submit(page, "/checkout", country="DE")
    assert again.path == "/orders/order-0001"


async def test_tracking_that_is_down_gives_the_same_key_back(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    form = await shopper.open("/checkout")
    upstreams.down.add("tracking")
    page = await shopper.submit(form, "/checkout", **ADDRESS)
    assert page.status == 503
    assert "We cannot tell yet whether it was ordered." in page.text
    assert "it will not become two orders" in page.text
    key = form.form("/checkout").fields["order_key"]
    assert page.form("/checkout").fields["order_key"] == key
    upstreams.down.clear()
    again = await shopper.submit(page, "/checkout", country="DE")
    assert again.path == "/orders/order-0001"


async def test_an_order_that_is_still_worked_on_keeps_its_key(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    form = await shopper.open("/checkout")
    upstreams.responses["tracking"] = lambda _: problem(409, "in-progress")
    page = await shopper.submit(form, "/checkout", **ADDRESS)
    assert "We are still working on this order." in page.text
    key = form.form("/checkout").fields["order_key"]
    assert page.form("/checkout").fields["order_key"] == key


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("payment-declined", "Nothing was charged."),
        ("checkout-failed", "The order could not be placed."),
        ("never-heard-of", "The order could not be placed."),
    ],
)
async def test_a_refused_order_is_explained(
    shopper: Browser, upstreams: FakeUpstreams, kind: str, words: str
) -> None:
    upstreams.responses["tracking"] = lambda _: problem(409, kind)
    assert words in (await shopper.order()).text


async def test_a_form_that_was_used_for_another_order_leads_to_the_orders(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    form = await shopper.open("/checkout")
    upstreams.responses["tracking"] = lambda request: (
        problem(422, "idempotency-key-reused")
        if request.method == "POST"
        else httpx2.Response(200, json={"items": [], "next_cursor": None})
    )
    page = await shopper.submit(form, "/checkout", **ADDRESS)
    assert page.path == "/orders"
    assert "This form was sent before." in page.text


@pytest.mark.parametrize(
    "spoilt",
    [
        {"amount": "1e9"},
        {"amount": ""},
        {"currency": "eur"},
        {"order_key": ""},
        {"order_key": "x\r\ny"},
        {"order_key": "k" * 5000},
    ],
)
async def test_a_form_somebody_tampered_with_comes_back_fresh(
    shopper: Browser, upstreams: FakeUpstreams, spoilt: dict[str, str]
) -> None:
    page = await shopper.order(**spoilt)
    assert page.status == 200
    assert "Order and pay €19.99" in page.text
    assert upstreams.requests_to("POST", "/v1/orders") == []


async def test_an_empty_cart_has_nothing_to_check_out(browser: Browser) -> None:
    await browser.register()
    page = await browser.open("/checkout")
    assert "There is nothing in your cart." in page.text
    assert not page.has_form("/checkout")


async def test_orders_are_listed_with_what_is_in_them(shopper: Browser) -> None:
    await shopper.order()
    page = await shopper.open("/orders")
    for words in ("Fixed wheel", "23 November 2026", "Confirmed", "€19.99"):
        assert words in page.text


async def test_the_steps_show_where_the_shipment_is(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    page = await shopper.order()
    shipment = upstreams.orders["order-0001"]["shipment"]
    for sequence, status in enumerate(("packed", "shipped"), start=2):
        shipment["events"].append(
            {"sequence": sequence, "status": status, "at": "2026-11-23T12:34:56Z"}
        )
    shipment["status"] = "shipped"
    page = await shopper.open("/orders/order-0001")
    assert 'data-at="3"' in page.html
    assert "On the road" in page.text
    assert "12:34:56" in page.text
    assert page.html.count('aria-current="step"') == 1


async def test_a_moving_order_reloads_itself_without_javascript_and_a_delivered_one_does_not(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    refresh = '<noscript><meta http-equiv="refresh" content="5"></noscript>'
    assert refresh in (await shopper.order()).html
    upstreams.orders["order-0001"]["shipment"]["status"] = "delivered"
    delivered = await shopper.open("/orders/order-0001")
    assert "http-equiv" not in delivered.html
    assert "data-events" not in delivered.html


@pytest.mark.fault(70)
async def test_somebody_elses_order_is_not_there(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.add_order("user_eve@example.com", {"BIKE-1": 1}, ADDRESS)
    assert (await shopper.open("/orders/order-0001")).status == 404


async def test_cancelling_an_order_asks_once(shopper: Browser, upstreams: FakeUpstreams) -> None:
    page = await shopper.order()
    assert 'href="/orders/order-0001/cancel"' in page.html
    asking = await shopper.open("/orders/order-0001/cancel")
    assert "Cancel this order?" in asking.text
    assert upstreams.orders["order-0001"]["status"] == "confirmed"
    page = await shopper.submit(asking, "/orders/order-0001/cancel")
    assert "The order is cancelled." in page.text
    assert "/orders/order-0001/cancel" not in page.html


async def test_an_order_on_the_road_can_no_longer_be_cancelled(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    await shopper.order()
    asking: Page = await shopper.open("/orders/order-0001/cancel")
    upstreams.orders["order-0001"]["shipment"]["status"] = "delivered"
    page = await shopper.submit(asking, "/orders/order-0001/cancel")
    assert "can no longer be cancelled" in page.text
    page = await shopper.open("/orders/order-0001/cancel")
    assert page.path == "/orders/order-0001"
    assert "can no longer be cancelled" in page.text


async def test_an_order_is_called_by_its_number(shopper: Browser) -> None:
    page = await shopper.order()
    assert "<title>Order order-0001 · Cartwheel</title>" in page.html
    assert '<code id="order-number">order-0001</code>' in page.html
    assert "order-0001" in (await shopper.open("/orders")).text


async def test_a_line_of_an_order_has_picture_price_and_link(shopper: Browser) -> None:
    await shopper.add("BIKE-1", 2)
    page = await shopper.order()
    for words in ("3 × Fixed wheel", "€19.99 each", "€59.97"):
        assert words in page.text
    assert 'href="/products/BIKE-1"' in page.html
    assert 'src="/products/BIKE-1/image.svg"' in page.html


async def test_times_are_said_in_utc_and_marked_for_the_visitors_clock(shopper: Browser) -> None:
    for page in (await shopper.order(), await shopper.open("/orders")):
        assert 'datetime="2026-11-23T12:00:00+00:00" data-time="day"' in page.html
        assert "23 November 2026, 12:00 UTC" in page.text


async def test_an_order_can_be_put_in_the_cart_again(shopper: Browser) -> None:
    page = await shopper.order()
    first = await shopper.submit(page, "/orders/order-0001/again")
    assert first.path == "/cart"
    assert "All of it is in the cart once more." in first.text
    assert "Cart 1 thing" in first.text
    twice = await shopper.submit(page, "/orders/order-0001/again")
    assert twice.path == "/cart"


async def test_ordering_again_says_what_cannot_be_had(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    await shopper.add("SKATE-1", 3)
    page = await shopper.order()
    upstreams.products["SKATE-1"]["available"] = 2
    page = await shopper.submit(page, "/orders/order-0001/again")
    assert "Not all of it could be put in the cart" in page.text
    assert "Longboard: only 2 of 3 left, and those are in the cart." in page.text
    assert "Fixed wheel:" not in page.text
    assert upstreams.carts[OWNER] == {"BIKE-1": 1, "SKATE-1": 2}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda upstreams: upstreams.products.pop("BIKE-1"), "Fixed wheel: no longer sold."),
        (
            lambda upstreams: upstreams.products["BIKE-1"].update(available=0),
            "Fixed wheel: gone, back soon.",
        ),
        (
            lambda upstreams: upstreams.carts[OWNER].update({"BIKE-1": 99}),
            "Fixed wheel: a cart holds no",
        ),
    ],
)
async def test_ordering_again_says_why(
    shopper: Browser, upstreams: FakeUpstreams, change: Callable[[FakeUpstreams], Any], words: str
) -> None:
    page = await shopper.order()
    change(upstreams)
    assert words in (await shopper.submit(page, "/orders/order-0001/again")).text


async def test_the_page_after_ordering_again_can_be_loaded_again(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    page = await shopper.order()
    upstreams.products.pop("BIKE-1")
    page = await shopper.submit(page, "/orders/order-0001/again")
    assert (await shopper.open(page.path)).path == "/orders/order-0001"


async def test_pressing_order_again_twice_adds_once(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    page = await shopper.order()
    await shopper.submit(page, "/orders/order-0001/again")
    await shopper.submit(page, "/orders/order-0001/again")
    keys = {
        request.headers["idempotency-key"]
        for request in upstreams.requests_to("POST", "/v1/cart/items")[1:]
    }
    assert len(keys) == 1


@pytest.mark.parametrize("service", ["cart", "tracking"])
async def test_ordering_again_while_somebody_is_down_changes_nothing(
    shopper: Browser, upstreams: FakeUpstreams, service: str
) -> None:
    page = await shopper.order()
    upstreams.down.add(service)
    page = await shopper.submit(page, "/orders/order-0001/again")
    assert "is not answering" in page.text
    assert upstreams.carts[OWNER] == {}


async def test_the_order_page_is_fed_with_events_as_the_shopper(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    await shopper.order()
    response = await shopper.client.get("/orders/order-0001/events", headers=PAGE_HEADERS)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "id: 1\n" in response.text
    resumed = await shopper.client.get(
        "/orders/order-0001/events", headers=PAGE_HEADERS | {"last-event-id": "1"}
    )
    assert "id: 1\n" not in resumed.text


async def test_a_stranger_gets_no_events(browser: Browser) -> None:
    response = await browser.client.get("/orders/order-0001/events")
    assert response.status_code == 401
