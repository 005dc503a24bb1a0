"""The cart, as a page and as a number in the header."""

import pytest

from tests.services.storefront.browser import PAGE_HEADERS, Browser
from tests.services.storefront.neighbours import Neighbours, problem, product


async def test_looking_around_makes_nobody_a_guest(browser: Browser, world: Neighbours) -> None:
    for path in ("/", "/products/BIKE-1", "/cart", "/search?q=wheel"):
        await browser.open(path)
    assert world.asked_for("POST", "/v1/guests") == []


async def test_the_first_thing_in_the_cart_makes_a_guest_and_the_second_does_not(
    browser: Browser, world: Neighbours
) -> None:
    await browser.add("BIKE-1")
    page = await browser.add("SKATE-1", 2)
    assert len(world.asked_for("POST", "/v1/guests")) == 1
    assert "Cart 3 things" in page.text


async def test_adding_leads_back_to_the_product_with_a_notice_that_is_shown_once(
    browser: Browser,
) -> None:
    page = await browser.add("BIKE-1")
    assert page.path == "/products/BIKE-1"
    assert "In the cart." in page.text
    assert "In the cart." not in (await browser.open("/products/BIKE-1")).text


async def test_the_cart_shows_lines_prices_and_the_total(browser: Browser) -> None:
    await browser.add("BIKE-1", 2)
    await browser.add("SKATE-1")
    page = await browser.open("/cart")
    for words in ("Fixed wheel", "€19.99 each", "€39.98", "Longboard", "€88.98", "3 things"):
        assert words in page.text


async def test_a_quantity_can_be_changed_and_a_line_removed(browser: Browser) -> None:
    await browser.add("BIKE-1")
    page = await browser.submit(await browser.open("/cart"), "/cart/items/BIKE-1", quantity="5")
    assert "€99.95" in page.text
    page = await browser.submit(page, "/cart/items/BIKE-1/remove")
    assert "Nothing in it yet." in page.text


async def test_a_quantity_of_nought_removes_the_line(browser: Browser) -> None:
    await browser.add("BIKE-1")
    page = await browser.submit(await browser.open("/cart"), "/cart/items/BIKE-1", quantity="0")
    assert "Nothing in it yet." in page.text


@pytest.mark.parametrize("quantity", ["", "-1", "1.5", "100", "²", "many", "9" * 4000])
async def test_a_quantity_that_is_none_changes_nothing_and_says_so(
    browser: Browser, quantity: str
) -> None:
    await browser.add("BIKE-1", 3)
    page = await browser.submit(
        await browser.open("/cart"), "/cart/items/BIKE-1", quantity=quantity
    )
    assert "Quantities go from 1 to 99." in page.text
    assert "€59.97" in page.text


async def test_a_new_guest_is_counted_by_the_shoppers_address(
    browser: Browser, world: Neighbours
) -> None:
    await browser.add("BIKE-1")
    (asked,) = world.asked_for("POST", "/v1/guests")
    assert asked.headers["x-forwarded-for"] == "127.0.0.1"
    assert "x-service-token" in asked.headers


async def test_a_network_with_too_many_new_guests_is_told_so(
    browser: Browser, world: Neighbours
) -> None:
    world.answers["user"] = lambda _: problem(429, "too-many-attempts")
    page = await browser.add("BIKE-1")
    assert "Too many new visitors come from your network" in page.text


async def test_more_than_a_cart_holds_is_refused_in_words(browser: Browser) -> None:
    await browser.add("BIKE-1", 60)
    page = await browser.add("BIKE-1", 60)
    assert "That is more than a cart holds." in page.text
    assert "Cart 60 things" in page.text


async def test_a_price_that_rose_since_it_was_seen_is_told_beside_its_line(
    browser: Browser, world: Neighbours
) -> None:
    await browser.add("BIKE-1")
    world.stock(product("BIKE-1", price=2199))
    page = await browser.open("/cart")
    assert "The price went up by €2.00 since you added it." in page.text
    world.stock(product("BIKE-1", price=1899))
    page = await browser.open("/cart")
    assert "The price came down by €1.00 since you added it." in page.text


async def test_what_is_no_longer_sold_is_flagged_and_bars_checkout(
    browser: Browser, world: Neighbours
) -> None:
    await browser.add("BIKE-1")
    await browser.add("SKATE-1")
    del world.goods["BIKE-1"]
    page = await browser.open("/cart")
    assert "No longer sold. Remove it to go on." in page.text
    assert "€49.00" in page.text
    assert 'href="/checkout"' not in page.html


async def test_less_stock_than_wanted_is_told_and_bars_checkout(
    browser: Browser, world: Neighbours
) -> None:
    await browser.add("BIKE-1", 4)
    world.stock(product("BIKE-1", available=2))
    page = await browser.open("/cart")
    assert "Only 2 left. Please take fewer." in page.text
    assert 'href="/checkout"' not in page.html


async def test_the_pages_script_gets_the_new_count_instead_of_a_page(browser: Browser) -> None:
    page = await browser.open("/products/BIKE-1")
    form = page.form("/cart/items")
    answer = await browser.client.post(
        form.action,
        data=form.fields | {"quantity": "2"},
        headers=PAGE_HEADERS | {"accept": "application/json"},
    )
    assert answer.status_code == 200
    assert answer.json() == {"count": 2, "message": "In the cart."}


async def test_one_press_is_one_add_even_if_the_cart_is_asked_twice(
    browser: Browser, world: Neighbours
) -> None:
    await browser.add("BIKE-1")
    (asked,) = world.asked_for("POST", "/v1/cart/items")
    assert asked.headers["idempotency-key"]


async def test_a_made_up_memory_of_prices_is_ignored(browser: Browser) -> None:
    await browser.add("BIKE-1")
    browser.client.cookies.set("cartwheel_prices", "BIKE-1.x~~.5~BIKE-1.99999999999999999~<b>.1")
    page = await browser.open("/cart")
    assert page.status == 200
    assert "The price" not in page.text
