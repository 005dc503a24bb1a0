"""The cart, as a page and as a number in the header."""

import asyncio

import pytest

from tests.services.storefront.browser import PAGE_HEADERS, Browser
from tests.services.storefront.fake_upstreams import FakeUpstreams, problem, product


async def test_looking_around_makes_nobody_a_guest(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    for path in ("/", "/products/BIKE-1", "/cart", "/search?q=wheel"):
        await browser.open(path)
    assert upstreams.requests_to("POST", "/v1/guests") == []


async def test_the_first_thing_in_the_cart_makes_a_guest_and_the_second_does_not(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    page = await browser.add("SKATE-1", 2)
    assert len(upstreams.requests_to("POST", "/v1/guests")) == 1
    assert "Cart 3 things" in page.text


async def test_adding_leads_back_to_the_product_with_a_flash_message_that_is_shown_once(
    browser: Browser,
) -> None:
    page = await browser.add("BIKE-1")
    assert page.path == "/products/BIKE-1"
    assert "In the cart." in page.text
    assert "In the cart." not in (await browser.open("/products/BIKE-1")).text


async def test_tabs_that_add_at_once_each_say_so_on_their_own_page(browser: Browser) -> None:
    tabs = {sku: await browser.open(f"/products/{sku}") for sku in ("BIKE-1", "SKATE-1")}
    sent = {
        sku: await browser.submit(tab, "/cart/items", follow=False) for sku, tab in tabs.items()
    }
    for sku, response in sent.items():
        page = await browser.open(response.headers["location"])
        assert "In the cart." in page.text, sku
    assert "In the cart." not in (await browser.open("/")).text


async def test_the_cart_shows_lines_prices_and_the_total(browser: Browser) -> None:
    await browser.add("BIKE-1", 2)
    await browser.add("SKATE-1")
    page = await browser.open("/cart")
    for words in ("Fixed wheel", "€19.99 each", "€39.98", "Longboard", "€88.98", "3 things"):
        assert words in page.text


async def test_a_quantity_can_be_changed_and_a_line_removed(browser: Browser) -> None:
    await browser.add("BIKE-1")
    page = await browser.change(await browser.open("/cart"), BIKE_1="5")
    assert "€99.95" in page.text
    page = await browser.change(page, remove="BIKE-1")
    assert "Nothing in it yet." in page.text


async def test_a_quantity_of_nought_removes_the_line(browser: Browser) -> None:
    await browser.add("BIKE-1")
    page = await browser.change(await browser.open("/cart"), BIKE_1="0")
    assert "Nothing in it yet." in page.text


@pytest.mark.parametrize("quantity", ["", "-1", "1.5", "100", "²", "many", "9" * 4000])
async def test_a_quantity_that_is_none_changes_nothing_and_says_so(
    browser: Browser, quantity: str
) -> None:
    await browser.add("BIKE-1", 3)
    page = await browser.change(await browser.open("/cart"), BIKE_1=quantity)
    assert "Quantities go from 1 to 99." in page.text
    assert "€59.97" in page.text


async def test_a_new_guest_is_counted_by_the_shoppers_address(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    (request,) = upstreams.requests_to("POST", "/v1/guests")
    assert request.headers["x-forwarded-for"] == "127.0.0.1"
    assert "x-service-token" in request.headers


async def test_a_network_with_too_many_new_guests_is_shown_so(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.responses["user"] = lambda _: problem(429, "too-many-attempts")
    page = await browser.add("BIKE-1")
    assert "Too many new visitors come from your network" in page.text


async def test_more_than_a_cart_holds_is_refused_in_words(browser: Browser) -> None:
    await browser.add("BIKE-1", 60)
    page = await browser.add("BIKE-1", 60)
    assert "That is more than a cart holds." in page.text
    assert "Cart 60 things" in page.text


async def test_a_price_that_rose_since_it_was_seen_is_shown_beside_its_line(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    upstreams.stock(product("BIKE-1", price=2199))
    page = await browser.open("/cart")
    assert "The price went up by €2.00 since you added it." in page.text
    upstreams.stock(product("BIKE-1", price=1899))
    page = await browser.open("/cart")
    assert "The price came down by €1.00 since you added it." in page.text


@pytest.mark.fault(50)
async def test_what_is_no_longer_sold_is_flagged_and_bars_checkout(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    await browser.add("SKATE-1")
    del upstreams.products["BIKE-1"]
    page = await browser.open("/cart")
    assert "No longer sold. Remove it to go on." in page.text
    assert "€49.00" in page.text
    assert "Go to checkout" not in page.text


async def test_less_stock_than_in_the_cart_is_shown_and_bars_checkout(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1", 4)
    upstreams.stock(product("BIKE-1", available=2))
    page = await browser.open("/cart")
    assert "Only 2 left. Please take fewer." in page.text
    assert "Go to checkout" not in page.text


async def test_the_pages_script_gets_the_new_count_instead_of_a_page(browser: Browser) -> None:
    page = await browser.open("/products/BIKE-1")
    form = page.form("/cart/items")
    response = await browser.client.post(
        form.action,
        data=form.fields | {"quantity": "2"},
        headers=PAGE_HEADERS | {"accept": "application/json"},
    )
    assert response.status_code == 200
    result = response.json()
    assert result["count"] == 2
    assert result["key"] != form.fields["key"]
    for words in ("In the cart.", "2 × Fixed wheel.", '<a href="/cart">See the cart</a>'):
        assert words in result["said"]


async def test_one_press_is_one_add_even_if_the_cart_is_asked_twice(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    (request,) = upstreams.requests_to("POST", "/v1/cart/items")
    assert request.headers["idempotency-key"]


async def test_a_made_up_memory_of_prices_is_ignored(browser: Browser) -> None:
    await browser.add("BIKE-1")
    browser.client.cookies.set("cartwheel_prices", "BIKE-1.x~~.5~BIKE-1.99999999999999999~<b>.1")
    page = await browser.open("/cart")
    assert page.status == 200
    assert "The price" not in page.text


async def test_sending_one_page_twice_adds_once_and_a_fresh_page_adds_again(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    page = await browser.open("/products/BIKE-1")
    await asyncio.gather(*(browser.submit(page, "/cart/items") for _ in range(2)))
    assert [*upstreams.carts.values()] == [{"BIKE-1": 1}]
    await browser.add("BIKE-1")
    assert [*upstreams.carts.values()] == [{"BIKE-1": 2}]


async def test_the_same_page_with_another_quantity_is_another_add(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    page = await browser.open("/products/BIKE-1")
    await browser.submit(page, "/cart/items", quantity="1")
    await browser.submit(page, "/cart/items", quantity="2")
    assert [*upstreams.carts.values()] == [{"BIKE-1": 3}]


async def test_two_forms_sent_before_the_first_cookie_are_one_guest_with_both_lines(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    pages = [await browser.open(f"/products/{sku}") for sku in ("BIKE-1", "SKATE-1")]
    token = browser.client.cookies["cartwheel_form"]
    for page, quantity in zip(pages, "12", strict=True):
        browser.client.cookies.clear()  # neither has the answer of the other
        browser.client.cookies.set("cartwheel_form", token)
        await browser.submit(page, "/cart/items", quantity=quantity)
    assert [*upstreams.carts.values()] == [{"BIKE-1": 1, "SKATE-1": 2}]
    assert "Cart 3 things" in (await browser.open("/cart")).text


async def test_the_guests_key_does_not_give_the_form_token_away(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    (request,) = upstreams.requests_to("POST", "/v1/guests")
    key = request.headers["idempotency-key"]
    assert len(key) >= 32
    assert key != browser.client.cookies["cartwheel_form"]
    assert request.headers["x-service-token"] == "a token"


async def test_adding_says_what_and_how_many_and_leads_to_the_cart(browser: Browser) -> None:
    page = await browser.add("BIKE-1", 2)
    assert "In the cart. 2 × Fixed wheel. See the cart" in page.text
    page = await browser.add("BIKE-1", 3)
    assert "In the cart. 3 × Fixed wheel. That makes 5. See the cart" in page.text


async def test_more_than_there_is_is_shown_when_it_is_added(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.stock(product("BIKE-2", available=5, name="Tandem"))
    page = await browser.add("BIKE-2", 5)
    assert "In the cart. 5 × Tandem." in page.text
    page = await browser.add("BIKE-2", 5)
    assert "In the cart, but more than there is." in page.text
    assert "5 × Tandem: that makes 10, and there are only 5 left. Please take fewer." in page.text
    assert "In the cart." not in page.text


async def test_the_pages_script_is_told_about_more_than_there_is_too(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.stock(product("BIKE-2", available=1, name="Tandem"))
    await browser.add("BIKE-2")
    form = (await browser.open("/products/BIKE-2")).form("/cart/items")
    response = await browser.client.post(
        form.action, data=form.fields, headers=PAGE_HEADERS | {"accept": "application/json"}
    )
    assert "that makes 2, and there is only 1 left" in response.json()["said"]


async def test_what_was_removed_is_named_and_can_be_put_back(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1", 3)
    page = await browser.change(await browser.open("/cart"), remove="BIKE-1")
    assert "Removed. 3 × Fixed wheel. Put it back" in page.text
    assert "Cart 0 things" in page.text
    put_back = page
    for _ in range(2):  # a double click puts it back once
        page = await browser.submit(put_back, "/cart")
        assert "Back in the cart. 3 × Fixed wheel." in page.text
        assert "Cart 3 things" in page.text


async def test_a_flash_message_about_a_product_that_nobody_knows_has_no_name(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1", 3)
    page = await browser.open("/cart")
    upstreams.down.add("products")
    page = await browser.change(page, remove="BIKE-1")
    assert "Removed. Put it back" in page.text


async def test_the_checkout_button_takes_the_quantities_that_were_typed(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.register()
    await browser.add("BIKE-1", 3)
    page = await browser.change(await browser.open("/cart"), BIKE_1="9", then="checkout")
    assert page.path == "/checkout"
    assert "Order and pay €179.91" in page.text


@pytest.mark.parametrize(
    ("button", "typed", "quantity"),
    [("more", "3", 4), ("less", "3", 2), ("more", "8", 9), ("less", "1", 0), ("more", "99", 99)],
)
async def test_a_step_starts_from_what_was_typed(
    browser: Browser, upstreams: FakeUpstreams, button: str, typed: str, quantity: int
) -> None:
    await browser.add("BIKE-1", 3)
    page = await browser.open("/cart")
    await browser.change(page, BIKE_1=typed, **{button: "BIKE-1"})
    (lines,) = upstreams.carts.values()
    assert lines == ({"BIKE-1": quantity} if quantity else {})


async def test_a_button_of_one_line_takes_what_was_typed_in_another(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1", 3)
    await browser.add("SKATE-1")
    await browser.change(await browser.open("/cart"), BIKE_1="7", remove="SKATE-1")
    assert [*upstreams.carts.values()] == [{"BIKE-1": 7}]


async def test_only_lines_that_were_changed_are_sent_on(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1", 3)
    await browser.add("SKATE-1", 2)
    page = await browser.open("/cart")
    (lines,) = upstreams.carts.values()
    lines["SKATE-1"] = 5  # in another tab
    await browser.change(page, BIKE_1="4")
    assert lines == {"BIKE-1": 4, "SKATE-1": 5}


async def test_a_quantity_that_is_none_stays_in_its_field_while_the_others_count(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1", 3)
    await browser.add("SKATE-1", 2)
    page = await browser.change(
        await browser.open("/cart"), BIKE_1="1000", SKATE_1="4", then="checkout"
    )
    assert page.path == "/cart"
    assert '<a href="#quantity-BIKE-1">Quantities go from 1 to 99.</a>' in page.html
    assert page.form("/cart").fields["quantity-BIKE-1"] == "1000"
    assert [*upstreams.carts.values()] == [{"BIKE-1": 3, "SKATE-1": 4}]


async def test_a_full_cart_can_be_changed_as_a_whole(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    skus = [f"PART-{number:03}" for number in range(100)]
    upstreams.stock(*(product(sku) for sku in skus))
    await browser.add("BIKE-1")
    (lines,) = upstreams.carts.values()
    lines.clear()
    lines |= dict.fromkeys(skus, 1)
    page = await browser.change(
        await browser.open("/cart"), **dict.fromkeys((sku.replace("-", "_") for sku in skus), "2")
    )
    assert "Cart 200 things" in page.text


async def test_a_session_that_is_over_changes_no_cart_and_says_so(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    page = await browser.open("/cart")
    browser.client.cookies.delete("cartwheel_access")
    upstreams.refreshes.clear()
    page = await browser.change(page, BIKE_1="3")
    assert "You are no longer logged in." in page.text
    assert "The cart is up to date." not in page.text
    assert upstreams.requests_to("PUT", "/v1/cart/items/BIKE-1") == []
