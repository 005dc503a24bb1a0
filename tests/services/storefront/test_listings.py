"""Lists of products: searching, sorting, filtering, and paging."""

import pytest

from services.storefront.money import parse_amount
from tests.services.storefront.browser import Browser
from tests.services.storefront.fake_upstreams import FakeUpstreams, product


async def test_a_search_says_how_much_it_found(browser: Browser) -> None:
    assert "“longboard” 1 thing" in (await browser.open("/search?q=longboard")).text


async def test_a_search_says_what_it_looked_for_instead(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.page_extras = {"searched_for": "longboard"}
    page = await browser.open("/search?q=longb")
    assert "Nothing by that name. Here is what “longboard” finds: 1 thing." in page.text


async def test_pages_lead_on_and_back(browser: Browser, upstreams: FakeUpstreams) -> None:
    upstreams.stock(*(product(f"PART-{number:02}") for number in range(40)))
    first = await browser.open("/search?sort=price")
    assert 'rel="next"' in first.html
    assert 'rel="prev"' not in first.html
    second = await browser.open("/search?sort=price&cursor=24")
    assert 'href="/search?sort=price&amp;cursor=0" rel="prev"' in second.html
    assert "42 things" in second.text


async def test_what_is_wanted_stays_wanted_on_another_shelf(browser: Browser) -> None:
    page = await browser.open("/search?q=board&sort=-price&stock=1&to=50&currency=EUR")
    wanted = "q=board&amp;sort=-price&amp;stock=1&amp;to=50&amp;currency=EUR"
    assert f'href="/categories/skates?{wanted}"' in page.html
    page = await browser.open("/categories/skates?sort=newest")
    assert 'href="/categories/bicycles?sort=newest"' in page.html
    assert 'href="/search?sort=newest"' in page.html


async def test_products_are_filtered_by_stock_and_price(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.stock(product("BIKE-2", name="Sold out", available=0, price=3000))
    page = await browser.open("/search?stock=1")
    assert "Sold out" not in page.text
    page = await browser.open("/search?from=20&to=48.99&currency=EUR")
    assert "Sold out" in page.text
    assert "Longboard" not in page.text
    assert "Fixed wheel" not in page.text
    assert upstreams.requests_to("GET", "/v1/products")[-1].url.params["max_price"] == "4899"


async def test_a_price_range_may_be_typed_the_wrong_way_round(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.open("/search?from=48&to=20&currency=EUR")
    query = upstreams.requests_to("GET", "/v1/products")[0].url.params
    assert (query["min_price"], query["max_price"]) == ("2000", "4800")


async def test_what_is_no_price_is_shown_at_the_field(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    page = await browser.open("/search?from=cheap&to=20&currency=EUR")
    assert "Write a price like 10 or 49.50." in page.text
    assert 'value="cheap"' in page.html
    assert "min_price" not in upstreams.requests_to("GET", "/v1/products")[-1].url.params


@pytest.mark.parametrize(
    ("typed", "currency", "amount"),
    [
        ("10", "EUR", 1000),
        ("49.5", "EUR", 4950),
        ("49,50", "EUR", 4950),
        ("120", "JPY", 120),
        ("120.5", "JPY", None),
        ("1.234", "KWD", 1234),
        ("1.234", "EUR", None),
        ("", "EUR", None),
        ("-1", "EUR", None),
        ("٣", "EUR", None),
    ],
)
def test_prices_are_read_as_people_type_them(typed: str, currency: str, amount: int | None) -> None:
    assert parse_amount(typed, currency) == amount


async def test_nothing_found_leads_somewhere(browser: Browser) -> None:
    page = await browser.open("/search?q=submarine")
    assert "Nothing here rolls by that name" in page.text
    assert "Fixed wheel" in page.text  # goods to look at instead
    page = await browser.open("/search?q=longboard&to=1&currency=EUR")
    assert 'href="/search?q=longboard"' in page.html
    assert "Without filters" in page.text


async def test_a_product_that_is_gone_leads_to_others_like_it(browser: Browser) -> None:
    page = await browser.open("/products/OLD-LONGBOARD-07")
    assert page.status == 404
    assert "Longboard" in page.text
    assert "Fixed wheel" not in page.text
    page = await browser.open("/products/OLD-RAFT-07")
    assert page.status == 404
    assert "Fixed wheel" in page.text


async def test_a_shelf_that_there_is_not_is_not_found(browser: Browser) -> None:
    assert (await browser.open("/categories/nonsense")).status == 404


async def test_a_stale_cursor_keeps_the_rest_of_the_search(browser: Browser) -> None:
    page = await browser.open("/search?q=longb&sort=price&cursor=broken", follow=False)
    assert page.headers["location"] == "/search?q=longb&sort=price"


async def test_a_persian_search_keeps_its_joiners(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    await browser.open("/search?q=%D8%B9%D9%84%DB%8C%E2%80%8C%D8%B1%D8%B6%D8%A7")
    requests = [
        one for one in upstreams.requests_to("GET", "/v1/products") if "q" in one.url.params
    ]
    assert requests[0].url.params["q"] == "علی\u200cرضا"
