"""Browsing."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi.routing import iter_route_contexts

from services.storefront import main
from services.storefront.main import PRIORITIES, build
from tests.services.storefront.browser import Browser
from tests.services.storefront.conftest import settings
from tests.services.storefront.fake_upstreams import FakeUpstreams, product
from tests.support.asgi import running

PAGES = ("/", "/search", "/categories/bicycles", "/products/BIKE-1", "/cart", "/login")
MORE_PAGES = ("/register", "/docs")


@pytest.mark.parametrize("path", PAGES + MORE_PAGES)
async def test_every_page_has_a_language_a_title_one_heading_and_a_way_past_the_header(
    browser: Browser, path: str
) -> None:
    page = await browser.open(path)
    assert page.status == 200
    assert page.html.startswith('<!doctype html>\n<html lang="en">')
    assert page.html.count("<h1") == 1
    assert "<title>" in page.html
    assert 'href="#content"' in page.html
    assert 'id="content"' in page.html


async def test_home_shows_the_categories_and_products(browser: Browser) -> None:
    page = await browser.open("/")
    for words in ("Bicycles", "1 thing", "Fixed wheel", "€19.99", "12 left"):
        assert words in page.text


async def test_a_card_that_was_shown_before_shows_what_has_changed(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    assert "€19.99" in (await browser.open("/")).text
    upstreams.stock(product("BIKE-1", price=2999, available=0, name="Fixed wheel"))

    page = await browser.open("/")
    assert "€19.99" not in page.text
    assert "€29.99" in page.text
    assert "gone, back soon" in page.text


async def test_a_category_shows_only_its_own_products(browser: Browser) -> None:
    page = await browser.open("/categories/skates")
    assert "Longboard" in page.text
    assert "Fixed wheel" not in page.text


async def test_search_finds_by_name_and_keeps_what_was_typed(browser: Browser) -> None:
    page = await browser.open("/search?q=longb")
    assert "Longboard" in page.text
    assert "Fixed wheel" not in page.text
    assert 'value="longb"' in page.html


async def test_a_search_without_result_says_so(browser: Browser) -> None:
    assert "Nothing here rolls by that name" in (await browser.open("/search?q=submarine")).text


async def test_a_long_listing_goes_on_to_the_next_page(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.stock(*(product(f"PART-{number:02}") for number in range(40)))
    first = await browser.open("/search?sort=price")
    assert "/search?sort=price&amp;cursor=24" in first.html
    second = await browser.open("/search?sort=price&cursor=24")
    assert "Part 39" in second.text


async def test_a_cursor_that_products_refuses_leads_to_the_beginning(browser: Browser) -> None:
    page = await browser.open("/search?cursor=broken", follow=False)
    assert (page.status, page.headers["location"]) == (303, "/search")


async def test_an_order_of_goods_that_does_not_exist_is_not_forwarded(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.open("/search?sort=random()")
    assert all("sort" not in request.url.params for request in upstreams.requests)


@pytest.mark.parametrize(
    ("available", "words"), [(0, "gone, back soon"), (3, "only 3 left"), (40, "40 left")]
)
async def test_stock_is_shown_in_words(
    browser: Browser, upstreams: FakeUpstreams, available: int, words: str
) -> None:
    upstreams.stock(product("BIKE-2", available=available))
    assert words in (await browser.open("/products/BIKE-2")).text


async def test_what_is_gone_cannot_be_put_in_the_cart(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.stock(product("BIKE-2", available=0))
    assert not (await browser.open("/products/BIKE-2")).has_form("/cart/items")


async def test_yen_are_shown_without_digits_that_do_not_exist(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.stock(product("BIKE-2") | {"price": {"amount": 120000, "currency": "JPY"}})
    assert "¥120,000" in (await browser.open("/products/BIKE-2")).text


@pytest.mark.parametrize(
    "path", ["/products/NONE-1", "/products/lower", "/categories/A_B", "/nope"]
)
async def test_what_is_not_there_is_a_page_with_a_way_back(browser: Browser, path: str) -> None:
    page = await browser.open(path)
    assert page.status == 404
    assert "This road ends here." in page.text
    assert "Back to the shop" in page.text


async def test_a_program_gets_the_problem_instead_of_a_page(browser: Browser) -> None:
    response = await browser.client.get("/nope", headers={"accept": "application/json"})
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["request_id"] == response.headers["x-request-id"]


async def test_a_wrong_method_is_a_405_page(browser: Browser) -> None:
    response = await browser.client.delete("/login", headers={"accept": "text/html"})
    assert response.status_code == 405
    assert "That does not turn this way." in response.text


async def test_a_drawing_comes_from_our_own_origin_and_is_only_sent_when_new(
    browser: Browser,
) -> None:
    first = await browser.client.get("/products/BIKE-1/image.svg")
    assert (first.status_code, first.headers["content-type"]) == (200, "image/svg+xml")
    assert "sandbox" in first.headers["content-security-policy"]
    again = await browser.client.get(
        "/products/BIKE-1/image.svg", headers={"if-none-match": first.headers["etag"]}
    )
    assert again.status_code == 304


async def test_files_are_addressed_by_their_content_and_kept_for_ever(browser: Browser) -> None:
    page = await browser.open("/")
    address = next(part for part in page.html.split('"') if part.startswith("/static/shop."))
    response = await browser.client.get(address)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    other = await browser.client.get("/static/shop.000000000000.css")
    assert other.status_code == 404


async def test_pages_name_nobody_elses_server(browser: Browser) -> None:
    for path in PAGES + MORE_PAGES:
        html = (await browser.open(path)).html
        # Names of vocabularies are no addresses: nobody fetches them.
        for name in ("http://service", "http://www.w3.org", "https://schema.org"):
            html = html.replace(name, "")
        assert "//" not in html


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.fault(34)
async def test_a_page_that_nobody_has_seen_yet_needs_no_file(upstreams: FakeUpstreams) -> None:
    main._templates.cache_clear()
    async with running(build(settings(), transports=upstreams.transports)) as client:
        with no_descriptor_left():
            for path in PAGES + MORE_PAGES:
                assert (await Browser(client).open(path)).status == 200


async def test_it_is_alive_and_ready_without_any_upstream(upstreams: FakeUpstreams) -> None:
    upstreams.down = {"products", "cart", "user", "tracking"}
    async with running(build(settings(), transports=upstreams.transports)) as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_every_priority_belongs_to_a_route_there_is() -> None:
    app = build(settings())
    routes = {
        f"{method} {route.path_format}"
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
    }
    assert set(PRIORITIES) <= routes
