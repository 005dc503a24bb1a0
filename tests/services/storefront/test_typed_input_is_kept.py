"""What was typed is never lost, whatever fails while it is sent."""

import httpx2
import pytest

from tests.services.storefront.browser import ADDRESS, EMAIL, PAGE_HEADERS, PASSWORD, Browser, Page
from tests.services.storefront.fake_upstreams import FakeUpstreams, problem, product

ALL = ("products", "cart", "user", "tracking")
HOUSE = 'value="Hub Street 1"'


@pytest.fixture
async def shopper(browser: Browser) -> Browser:
    """Somebody with an account and three things in the cart."""
    await browser.register()
    await browser.add("BIKE-1", 3)
    return browser


async def pay(shopper: Browser, page: Page) -> Page:
    return await shopper.submit(page, "/checkout", **ADDRESS)


def tracking_misses(upstreams: FakeUpstreams, missing: str) -> None:
    """Tracking works, and its problem names the upstream that is missing."""
    upstreams.responses["tracking"] = lambda _: problem(
        503, "upstream-unavailable", upstream=missing
    )


# Paying


@pytest.mark.parametrize(
    ("down", "who", "ordered"),
    [
        ("products", "The shelves are not answering.", "Nothing was ordered."),
        ("cart", "The cart is not answering.", "Nothing was ordered."),
        ("user", "The front desk is not answering.", "Nothing was ordered this time."),
        ("tracking", "The order desk is not answering.", "We cannot tell yet whether"),
    ],
)
async def test_paying_while_an_upstream_is_down_brings_address_key_and_button_back(
    shopper: Browser, upstreams: FakeUpstreams, down: str, who: str, ordered: str
) -> None:
    page = await shopper.open("/checkout")
    upstreams.down.add(down)
    if down == "user":
        del shopper.client.cookies["cartwheel_access"]
    elif down != "tracking":
        tracking_misses(upstreams, down)
    again = await pay(shopper, page)
    assert again.status == 503
    assert again.html.count('class="notice ') == 1
    for words in (who, ordered, "it will not become two orders", "Order and pay €59.97"):
        assert words in again.text
    assert HOUSE in again.html
    fields, before = again.form("/checkout").fields, page.form("/checkout").fields
    for name in ("order_key", "amount", "currency", "agreed"):
        assert fields[name] == before[name] != ""
    upstreams.down.clear()
    upstreams.responses.clear()
    done = await shopper.submit(again, "/checkout", country="DE")
    assert done.path == "/orders/order-0001"
    assert len(upstreams.orders) == 1


async def test_paying_while_everything_is_down_brings_the_page_back(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    page = await shopper.open("/checkout")
    upstreams.down = set(ALL)
    again = await pay(shopper, page)
    assert "Order and pay €59.97" in again.text
    assert HOUSE in again.html


async def test_stock_that_is_gone_at_checkout_is_shown_by_line_and_can_be_adapted_to(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    await shopper.add("SKATE-1")
    page = await shopper.open("/checkout")
    upstreams.stock(product("BIKE-1", name="Fixed wheel", available=2))
    del upstreams.products["SKATE-1"]
    upstreams.responses["tracking"] = lambda _: problem(409, "quote-changed")
    again = await pay(shopper, page)
    for words in (
        "Nothing was ordered.",
        "Fixed wheel: only 2 left, and 3 are in the cart.",
        "SKATE-1 is no longer sold.",
        "Take what is left",
    ):
        assert words in again.text
    assert HOUSE in again.html
    upstreams.responses.clear()
    left = await shopper.submit(again, "/checkout", then="rest", country="DE")
    assert "The cart holds what is left." in left.text
    assert "Nothing is ordered yet." in left.text
    assert "Order and pay €39.98" in left.text
    assert HOUSE in left.html
    assert upstreams.orders == {}
    done = await shopper.submit(left, "/checkout", country="DE")
    assert done.path == "/orders/order-0001"
    assert upstreams.orders["order-0001"]["lines"][0]["quantity"] == 2


@pytest.mark.parametrize("down", ["products", "cart"])
async def test_taking_what_is_left_while_an_upstream_is_down_keeps_the_page(
    shopper: Browser, upstreams: FakeUpstreams, down: str
) -> None:
    page = await shopper.open("/checkout")
    upstreams.down.add(down)
    again = await shopper.submit(page, "/checkout", **(ADDRESS | {"then": "rest"}))
    assert "not answering" in again.text
    assert HOUSE in again.html


async def test_a_checkout_from_before_a_log_out_leads_to_the_log_in_and_keeps_the_address(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    page = await shopper.open("/checkout")
    await shopper.submit(await shopper.open("/"), "/logout")
    door = await pay(shopper, page)
    assert door.status == 403
    for words in ("This form went stale.", "nothing was ordered", "the address is kept"):
        assert words in door.text
    back = await shopper.submit(door, "/login", email=EMAIL, password=PASSWORD)
    assert back.path == "/checkout"
    assert HOUSE in back.html
    done = await shopper.submit(back, "/checkout", country="DE")
    assert done.path == "/orders/order-0001"


async def test_a_checkout_from_before_another_log_in_comes_again_with_key_and_address(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    page = await shopper.open("/checkout")
    await shopper.submit(await shopper.open("/"), "/logout")
    await shopper.log_in()
    again = await pay(shopper, page)
    assert again.status == 403
    assert "Nothing was ordered." in again.text
    assert HOUSE in again.html
    key = page.form("/checkout").fields["order_key"]
    assert again.form("/checkout").fields["order_key"] == key
    done = await shopper.submit(again, "/checkout", country="DE")
    assert done.path == "/orders/order-0001"


async def test_an_ended_session_at_the_checkout_keeps_the_address_for_after_the_log_in(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    page = await shopper.open("/checkout")
    upstreams.expire_access_tokens()
    upstreams.refreshes.clear()
    door = await pay(shopper, page)
    assert door.path == "/login"
    assert "Nothing was ordered. The address is kept." in door.text
    back = await shopper.submit(door, "/login", email=EMAIL, password=PASSWORD)
    assert back.path == "/checkout"
    assert HOUSE in back.html


async def test_the_kept_address_goes_with_the_order(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    await shopper.submit(await shopper.open("/checkout"), "/checkout", **(ADDRESS | {"city": ""}))
    assert HOUSE in (await shopper.open("/checkout")).html
    await shopper.order()
    assert "cartwheel_draft" not in shopper.client.cookies


async def test_the_kept_address_does_not_outlive_a_log_out(shopper: Browser) -> None:
    await shopper.submit(await shopper.open("/checkout"), "/checkout", **(ADDRESS | {"city": ""}))
    await shopper.submit(await shopper.open("/"), "/logout")
    assert "cartwheel_draft" not in shopper.client.cookies


@pytest.mark.parametrize(
    "value", ["x", "e30", "bnVsbA==", "eyJuYW1lIjogNX0=", "%ff", "W" * 3000, "eyJ4IjoieSJ9"]
)
async def test_a_kept_address_somebody_made_up_is_ignored(shopper: Browser, value: str) -> None:
    shopper.client.cookies.set("cartwheel_draft", value)
    page = await shopper.open("/checkout")
    assert page.status == 200
    fields = page.form("/checkout").fields
    assert (fields["name"], fields["line1"]) == ("Ann", "")  # the name is the account's


# What changed


async def test_a_changed_total_says_which_line_and_the_old_and_the_new_price(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    await shopper.add("SKATE-1")
    page = await shopper.open("/checkout")
    upstreams.stock(product("BIKE-1", price=2199, name="Fixed wheel"))
    again = await pay(shopper, page)
    assert "Fixed wheel: now €21.99 each, before €19.99." in again.text
    assert "Longboard" not in again.text.partition("Your order")[0]
    assert "Order and pay €114.97" in again.text
    done = await shopper.submit(again, "/checkout", country="DE")
    assert done.path == "/orders/order-0001"


async def test_what_another_tab_changed_in_the_cart_is_shown_line_by_line(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    await shopper.add("SKATE-1")
    upstreams.stock(product("TOY-1", price=500, name="Duck"))
    page = await shopper.open("/checkout")
    lines = upstreams.carts[f"user_{EMAIL}"]
    lines["BIKE-1"] = 5
    lines["TOY-1"] = 2
    del lines["SKATE-1"]
    again = await pay(shopper, page)
    for words in (
        "Fixed wheel: 5 instead of 3.",
        "2 × Duck came into the cart.",
        "Longboard is no longer in the cart.",
    ):
        assert words in again.text
    assert upstreams.orders == {}


async def test_a_page_that_comes_again_for_another_reason_tells_a_changed_price_too(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    page = await shopper.open("/checkout")
    upstreams.stock(product("BIKE-1", price=2199, name="Fixed wheel"))
    again = await shopper.submit(page, "/checkout", **(ADDRESS | {"city": ""}))
    assert "Fixed wheel: now €21.99 each, before €19.99." in again.text
    assert "Enter the city." in again.text


@pytest.mark.parametrize("agreed", ["", "~", "BIKE-1", "x.1.1", "BIKE-1.1.1~" * 2000, "<b>.1.1"])
async def test_a_made_up_memory_of_the_page_is_ignored(shopper: Browser, agreed: str) -> None:
    page = await shopper.submit(
        await shopper.open("/checkout"), "/checkout", agreed=agreed, **(ADDRESS | {"city": ""})
    )
    assert page.status == 200
    assert "<b>" not in page.html


# The cart and the product page


@pytest.mark.parametrize("down", ["cart", "user"])
async def test_quantities_that_were_typed_stay_while_an_upstream_is_down(
    shopper: Browser, upstreams: FakeUpstreams, down: str
) -> None:
    page = await shopper.open("/cart")
    upstreams.down.add(down)
    if down == "user":
        del shopper.client.cookies["cartwheel_access"]
    again = await shopper.change(page, BIKE_1="7", then="checkout")
    assert again.status == 503
    assert again.html.count('class="notice ') == 1
    assert again.form("/cart").fields["quantity-BIKE-1"] == "7"
    upstreams.down.clear()
    done = await shopper.change(again, then="checkout")
    assert done.path == "/checkout"
    assert upstreams.carts[f"user_{EMAIL}"] == {"BIKE-1": 7}


async def test_quantities_stay_while_the_cart_waits_for_the_shelves(
    shopper: Browser, upstreams: FakeUpstreams
) -> None:
    page = await shopper.open("/cart")
    as_ever = upstreams.cart_response

    def wait_for_the_shelves(request: httpx2.Request) -> httpx2.Response:
        if request.method == "PUT":
            return problem(503, "upstream-unavailable", upstream="products")
        return as_ever(request)

    upstreams.responses["cart"] = wait_for_the_shelves
    upstreams.down.add("products")
    again = await shopper.change(page, BIKE_1="7")
    assert again.html.count('class="notice ') == 1
    assert "The shelves are not answering." in again.text
    assert again.form("/cart").fields["quantity-BIKE-1"] == "7"


async def test_quantities_of_a_page_that_is_too_old_stay(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1", 3)
    page = await browser.open("/cart")
    del browser.client.cookies["cartwheel_form"]
    again = await browser.change(page, BIKE_1="7")
    assert again.status == 403
    assert "Nothing was changed." in again.text
    assert again.form("/cart").fields["quantity-BIKE-1"] == "7"
    await browser.change(again)
    assert [*upstreams.carts.values()] == [{"BIKE-1": 7}]


@pytest.mark.parametrize(
    ("down", "who"),
    [
        ("cart", "The cart is not answering."),
        ("user", "The front desk is not answering."),
    ],
)
async def test_the_quantity_stays_when_nothing_can_be_put_in_the_cart(
    browser: Browser, upstreams: FakeUpstreams, down: str, who: str
) -> None:
    page = await browser.open("/products/BIKE-1")
    upstreams.down.add(down)
    again = await browser.submit(page, "/cart/items", quantity="4")
    assert again.path == "/products/BIKE-1"
    assert who in again.text
    assert again.html.count('class="notice ') == 1
    assert again.form("/cart/items").fields["quantity"] == "4"


async def test_the_upstream_that_the_cart_waits_for_is_named(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    page = await browser.open("/products/SKATE-1")
    upstreams.responses["cart"] = lambda _: problem(
        503, "upstream-unavailable", upstream="products"
    )
    again = await browser.submit(page, "/cart/items")
    assert "The shelves are not answering." in again.text
    assert "The cart is not answering." not in again.text
    upstreams.responses["cart"] = lambda _: problem(503, "unavailable", upstream="user")
    page = await browser.open("/cart")
    assert page.status == 503
    assert "The front desk is not answering." in page.text
    assert "The cart is not answering." not in page.text


async def test_an_upstream_that_nobody_heard_of_is_not_named(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    upstreams.responses["cart"] = lambda _: problem(503, "unavailable", upstream="<b>bank</b>")
    page = await browser.open("/cart")
    assert "The cart is not answering." in page.text
    assert "bank" not in page.text


async def test_a_product_page_that_is_too_old_is_led_back_to_with_the_quantity(
    browser: Browser,
) -> None:
    page = await browser.open("/products/BIKE-1")
    browser.client.cookies.clear()
    stale = await browser.submit(page, "/cart/items", quantity="4")
    assert stale.status == 403
    assert 'href="/products/BIKE-1?quantity=4"' in stale.html
    again = await browser.open("/products/BIKE-1?quantity=4")
    assert again.form("/cart/items").fields["quantity"] == "4"


# The doors


@pytest.mark.parametrize("path", ["/login", "/register"])
async def test_a_log_in_form_that_is_too_old_comes_again_with_what_was_typed_but_the_password(
    browser: Browser, upstreams: FakeUpstreams, path: str
) -> None:
    page = await browser.open(path)
    browser.client.cookies.clear()
    again = await browser.submit(page, path, name="Ann", email=EMAIL, password=PASSWORD)
    assert again.status == 403
    assert "Nothing was done." in again.text
    assert f'value="{EMAIL}"' in again.html
    assert PASSWORD not in again.html
    upstreams.accounts[EMAIL] = PASSWORD if path == "/login" else ""
    if path == "/register":
        upstreams.accounts.clear()
    done = await browser.submit(again, path, password=PASSWORD)
    assert "Log out" in done.text


async def test_an_account_that_is_made_is_not_denied_when_the_log_in_after_it_fails(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    page = await browser.open("/register")

    def make_and_fall_silent(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/v1/sessions":
            return problem(503, "unavailable")
        return httpx2.Response(201, json={"id": "user_1"})

    upstreams.responses["user"] = make_and_fall_silent
    page = await browser.submit(page, "/register", name="Ann", email=EMAIL, password=PASSWORD)
    assert "Your account is made." in page.text
    assert page.has_form("/login")
    assert f'value="{EMAIL}"' in page.html


@pytest.mark.parametrize("path", ["/logout", "/orders/order-0001/cancel"])
async def test_a_button_of_a_page_that_is_too_old_leads_to_the_page_it_was_on(
    shopper: Browser, upstreams: FakeUpstreams, path: str
) -> None:
    response = await shopper.client.post(path, data={"form_token": "old"}, headers=PAGE_HEADERS)
    assert response.status_code == 403
    back = "/orders/order-0001" if "orders" in path else "/"
    assert f'href="{back}">' in response.text


async def test_pressing_twice_makes_one_account_and_logs_in(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    page = await browser.open("/register")
    typed = {"name": "Ann", "email": EMAIL, "password": PASSWORD}
    token = page.form("/register").fields["form_token"]
    for _ in range(2):
        browser.client.cookies.clear()  # the second press does not wait for the first answer
        browser.client.cookies.set("cartwheel_form", token)
        done = await browser.submit(page, "/register", **typed)
        assert "Log out" in done.text
    assert len(upstreams.accounts) == 1


async def test_a_taken_address_with_another_password_opens_nothing(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.accounts[EMAIL] = "the password of somebody else"
    page = await browser.register()
    assert "There is an account with this e-mail address." in page.text
    assert "Log out" not in page.text


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}])
@pytest.mark.parametrize("path", ["/checkout", "/login", "/register", "/cart", "/cart/items"])
async def test_a_form_that_may_be_somebody_elses_fills_in_nothing(
    shopper: Browser, path: str, headers: dict[str, str]
) -> None:
    typed = ADDRESS | {"email": "eve@example.com", "quantity-BIKE-1": "88", "quantity": "88"}
    response = await shopper.client.post(
        path, data=typed | {"form_token": "x"}, headers={"accept": "text/html"} | headers
    )
    assert response.status_code == 403
    for filled_in in ("Hub Street", "eve@example.com", 'value="88"', "quantity=88"):
        assert filled_in not in response.text
    assert "cartwheel_draft" not in shopper.client.cookies
