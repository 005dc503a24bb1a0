"""The account page, and what a shopper with an account no longer has to type."""

import httpx2
import pytest

from tests.services.storefront.browser import ADDRESS, EMAIL, PASSWORD, Browser
from tests.services.storefront.fake_upstreams import FakeUpstreams, problem


@pytest.fixture
async def ann(browser: Browser) -> Browser:
    await browser.register()
    return browser


async def test_every_page_says_who_is_logged_in(ann: Browser) -> None:
    for path in ("/", "/cart", "/products/BIKE-1", "/orders"):
        page = await ann.open(path)
        assert "Logged in as Ann" in page.text
        assert 'href="/account"' in page.html
    page = await ann.submit(await ann.open("/"), "/logout")
    assert "Ann" not in page.text


async def test_the_account_page_asks_to_log_in_first(browser: Browser) -> None:
    page = await browser.open("/account")
    assert page.path == "/login"
    assert 'value="/account"' in page.html


async def test_a_name_is_changed_without_a_password(ann: Browser, upstreams: FakeUpstreams) -> None:
    page = await ann.submit(await ann.open("/account"), "/account", name="Ann Axle")
    assert "Saved." in page.text
    assert "Logged in as Ann Axle" in page.text
    assert upstreams.names[EMAIL] == "Ann Axle"


async def test_another_email_needs_the_password(ann: Browser, upstreams: FakeUpstreams) -> None:
    start = await ann.open("/account")
    page = await ann.submit(start, "/account", email="axle@example.com")
    assert "Another e-mail address needs your password." in page.text
    assert 'value="axle@example.com"' in page.html
    page = await ann.submit(start, "/account", email="axle@example.com", current_password="no")
    assert "This is not your password." in page.text
    upstreams.accounts["axle@example.com"] = "taken"
    page = await ann.submit(start, "/account", email="axle@example.com", current_password=PASSWORD)
    assert "There is another account with this e-mail address." in page.text
    page = await ann.submit(start, "/account", email="ax@example.com", current_password=PASSWORD)
    assert "Saved." in page.text


async def test_a_password_is_changed(ann: Browser, upstreams: FakeUpstreams) -> None:
    start = await ann.open("/account")
    new = " two wheels "
    page = await ann.submit(start, "/account/password", old_password="no", password=new)
    assert "This is not your password." in page.text
    page = await ann.submit(start, "/account/password", old_password=PASSWORD, password=new)
    assert "Your password is changed." in page.text
    assert upstreams.accounts[EMAIL] == new
    assert new not in page.html


async def test_all_that_is_wrong_with_a_form_is_said_at_once(browser: Browser) -> None:
    page = await browser.open("/register")
    page = await browser.submit(page, "/register", name="", email="ann", password="short")
    for field in ("name", "email", "password"):
        assert f'id="{field}-error"' in page.html
    await browser.register()
    page = await browser.open("/account")
    page = await browser.submit(page, "/account", name="a\u202eb", email="@")
    for field in ("name", "email"):
        assert f'id="{field}-error"' in page.html
    page = await browser.submit(page, "/account/password", old_password="", password="x")
    for field in ("old_password", "password"):
        assert f'id="{field}-error"' in page.html


async def test_what_was_typed_stays_while_the_user_service_is_down(
    ann: Browser, upstreams: FakeUpstreams
) -> None:
    start = await ann.open("/account")
    upstreams.down.add("user")
    page = await ann.submit(start, "/account", name="Ann Axle")
    assert page.status == 503
    assert 'value="Ann Axle"' in page.html
    assert "The front desk is not answering." in page.text
    page = await ann.open("/account")
    assert page.status == 503


async def test_a_domain_is_shown_as_people_write_it(ann: Browser, upstreams: FakeUpstreams) -> None:
    account = {"id": "user_1", "name": "Ann", "email": "ann@xn--mller-kva.example"}
    upstreams.responses["user"] = lambda _: httpx2.Response(200, json=account)
    page = await ann.open("/account")
    assert "ann@müller.example" in page.text


@pytest.mark.parametrize("path", ["/login", "/register"])
async def test_who_is_logged_in_is_led_on(ann: Browser, path: str) -> None:
    page = await ann.open(f"{path}?next=/orders", follow=False)
    assert (page.status, page.headers["location"]) == (303, "/orders")


async def test_a_page_that_asks_to_log_in_again_leads_to_the_form(
    ann: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.responses["tracking"] = lambda _: problem(401, "unauthenticated")
    page = await ann.open("/orders")
    assert page.path == "/login"
    assert page.has_form("/login")


async def test_an_empty_cart_does_not_come_along(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    page = await browser.register()
    assert "Welcome." in page.text
    assert "came with you" not in page.text
    await browser.submit(page, "/logout")
    upstreams.carts[f"user_{EMAIL}"] = {"BIKE-1": 1}
    page = await browser.log_in()
    assert "came with you" not in page.text


async def test_the_checkout_knows_the_name_and_then_the_last_address(ann: Browser) -> None:
    await ann.add("BIKE-1")
    form = (await ann.open("/checkout")).form("/checkout")
    assert form.fields["name"] == "Ann"
    await ann.order()
    await ann.add("BIKE-1")
    page = await ann.open("/checkout")
    fields = page.form("/checkout").fields
    assert {name: fields[name] for name in ("name", "line1", "city", "postal_code")} == {
        name: ADDRESS[name] for name in ("name", "line1", "city", "postal_code")
    }
    assert '<option value="DE" selected>' in page.html


async def test_the_checkout_comes_while_nobody_knows_the_last_address(
    ann: Browser, upstreams: FakeUpstreams
) -> None:
    await ann.add("BIKE-1")
    upstreams.down.add("tracking")
    page = await ann.open("/checkout")
    assert page.status == 200
    assert page.form("/checkout").fields["name"] == "Ann"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/account", {"name": "", "email": "@"}),
        ("/account/password", {"old_password": "", "password": "x"}),
    ],
)
async def test_a_stale_form_shows_its_field_errors_too(
    ann: Browser, path: str, fields: dict[str, str]
) -> None:
    page = await ann.open("/account")
    page = await ann.submit(page, path, form_token="old", **fields)
    assert page.status == 403
    assert "This form went stale." in page.text
    for field in fields:
        assert f'id="{field}-error"' in page.html


@pytest.mark.parametrize("path", ["/login", "/register"])
async def test_a_stale_form_to_log_in_or_register_shows_no_field_errors(
    browser: Browser, path: str
) -> None:
    page = await browser.open(path)
    page = await browser.submit(page, path, form_token="old", email="@")
    assert page.status == 403
    assert "This form went stale." in page.text
    for field in ("name", "email", "password"):
        assert f'id="{field}-error"' not in page.html
