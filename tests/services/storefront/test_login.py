"""Logging in and out, and what happens to sessions and carts on the way."""

import asyncio

import httpx2
import pytest

from tests.services.storefront.browser import EMAIL, PASSWORD, Browser
from tests.services.storefront.fake_upstreams import FakeUpstreams, problem


async def test_registering_logs_in_and_brings_the_guests_cart_along(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1", 2)
    page = await browser.register()
    assert "Your cart came with you." in page.text
    assert "Log out" in page.text
    assert "Cart 2 things" in page.text
    assert upstreams.carts[f"user_{EMAIL}"] == {"BIKE-1": 2}


async def test_what_did_not_fit_in_the_merge_is_shown(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.accounts[EMAIL] = PASSWORD
    upstreams.carts[f"user_{EMAIL}"] = {"BIKE-1": 90}
    await browser.add("BIKE-1", 20)
    page = await browser.log_in()
    assert "not all of it fitted" in page.text


async def test_logging_in_leads_to_where_one_wanted_to_go(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.accounts[EMAIL] = PASSWORD
    await browser.add("BIKE-1")
    page = await browser.open("/checkout")
    assert page.path == "/login"
    assert "Please log in to go on." in page.text
    page = await browser.submit(page, "/login", email=EMAIL, password=PASSWORD)
    assert page.path == "/checkout"


@pytest.mark.fault(77)
@pytest.mark.parametrize(
    "next_path",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\r\nset-cookie: x=y",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/\tevil",
        "",
        "evil",
        "/ /evil.example",
    ],
)
async def test_logging_in_never_leads_to_another_site(
    browser: Browser, upstreams: FakeUpstreams, next_path: str
) -> None:
    upstreams.accounts[EMAIL] = PASSWORD
    page = await browser.submit(
        await browser.open("/login"),
        "/login",
        follow=False,
        email=EMAIL,
        password=PASSWORD,
        next=next_path,
    )
    assert (page.status, page.headers["location"]) == (303, "/")


@pytest.mark.fault(71)
async def test_wrong_passwords_and_unknown_addresses_look_the_same(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.accounts[EMAIL] = PASSWORD
    start = await browser.open("/login")
    wrong = await browser.submit(start, "/login", email=EMAIL, password="no")
    unknown = await browser.submit(start, "/login", email="bob@example.com", password="no")
    assert "E-mail and password do not belong together." in wrong.text
    assert wrong.text == unknown.text


async def test_a_form_comes_back_with_what_was_typed_but_never_the_password(
    browser: Browser,
) -> None:
    page = await browser.submit(
        await browser.open("/register"),
        "/register",
        name="",
        email="ann@example.com",
        password="a long password",
    )
    assert page.status == 200
    assert 'value="ann@example.com"' in page.html
    assert "a long password" not in page.html
    assert '<a href="#name">Enter a name.</a>' in page.html
    assert 'aria-describedby="name-error"' in page.html


async def test_a_taken_address_is_shown_at_its_field(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.accounts[EMAIL] = "another"
    page = await browser.register()
    assert "There is an account with this e-mail address." in page.text


async def test_too_many_attempts_say_when_to_come_back(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    def refuse(_: httpx2.Request) -> httpx2.Response:
        return problem(429, "too-many-requests", headers={"retry-after": "42"})

    upstreams.responses["user"] = refuse
    page = await browser.log_in()
    assert "Please try again in 42 seconds." in page.text


async def test_logging_out_ends_the_session_and_forgets_the_cookies(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    page = await browser.register()
    page = await browser.submit(page, "/logout")
    assert "You are logged out." in page.text
    assert len(upstreams.requests_to("DELETE", "/v1/sessions/current")) == 1
    assert "cartwheel_access" not in browser.client.cookies
    assert "cartwheel_refresh" not in browser.client.cookies


async def test_logging_out_works_while_the_user_service_is_down(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    page = await browser.register()
    upstreams.down.add("user")
    page = await browser.submit(page, "/logout")
    assert "You are logged out." in page.text
    assert "Log in" in page.text


async def test_a_session_is_refreshed_unnoticed_when_its_token_is_refused(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    upstreams.expire_access_tokens()
    page = await browser.open("/cart")
    assert "Fixed wheel" in page.text
    assert len(upstreams.requests_to("POST", "/v1/sessions:refresh")) == 1


async def test_a_session_is_refreshed_unnoticed_when_its_cookie_ran_out(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    del browser.client.cookies["cartwheel_access"]
    assert "Fixed wheel" in (await browser.open("/cart")).text


async def test_an_add_with_a_token_that_ran_out_lands_in_the_same_cart(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    upstreams.expire_access_tokens()
    page = await browser.add("BIKE-1")
    assert "Cart 2 things" in page.text
    assert len(upstreams.requests_to("POST", "/v1/guests")) == 1


async def test_many_requests_with_one_old_token_refresh_it_once(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    del browser.client.cookies["cartwheel_access"]
    pages = await asyncio.gather(*(browser.open("/cart") for _ in range(5)))
    assert all("Fixed wheel" in page.text for page in pages)
    assert len(upstreams.requests_to("POST", "/v1/sessions:refresh")) == 1


async def test_a_session_that_is_over_is_an_empty_cart_and_a_stranger(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.register()
    upstreams.expire_access_tokens()
    upstreams.refreshes.clear()
    page = await browser.open("/cart")
    assert "Nothing in it yet." in page.text
    assert "Log in" in page.text
    assert "cartwheel_access" not in browser.client.cookies


async def test_a_cart_that_could_not_come_along_is_shown(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.add("BIKE-1")
    upstreams.accounts[EMAIL] = PASSWORD
    page = await browser.open("/login")
    upstreams.down.add("cart")
    page = await browser.submit(page, "/login", email=EMAIL, password=PASSWORD)
    assert "Your cart could not come with you just now." in page.text


async def test_the_shoppers_address_goes_to_the_user_service_with_the_service_token(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.register()
    for path in ("/v1/users", "/v1/sessions"):
        (request,) = upstreams.requests_to("POST", path)
        assert request.headers["x-service-token"] == "a token"
        assert request.headers["x-forwarded-for"] == "127.0.0.1"
    assert all(
        "x-service-token" not in one.headers for one in upstreams.requests_to("GET", "/v1/cart")
    )
