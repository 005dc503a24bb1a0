"""What a page tells browsers, search engines and home screens."""

import gzip
import html
import json
import re

import httpx2
import pytest

from services.storefront.main import build
from services.storefront.web import touch_icon
from services.storefront.web.form_tokens import masked, unmasked
from tests.services.storefront.browser import PAGE_HEADERS, Browser
from tests.services.storefront.conftest import settings
from tests.services.storefront.fake_upstreams import FakeUpstreams, product
from tests.support.asgi import running

PUBLIC = ("/", "/search", "/categories/bicycles", "/products/BIKE-1", "/docs")
PERSONAL = ("/cart", "/login", "/register", "/search?q=wheel")


def meta(page: str, name: str) -> str:
    match = re.search(rf'<meta (?:name|property)="{name}" content="([^"]*)">', page)
    return html.unescape(match[1]) if match else ""


async def test_every_page_has_a_description_of_its_own(browser: Browser) -> None:
    pages = [(await browser.open(path)).html for path in PUBLIC + PERSONAL[:-1]]
    described = [meta(page, "description") for page in pages]
    assert all(described)
    assert len(set(described)) == len(described)


@pytest.mark.parametrize("path", PUBLIC)
async def test_a_public_page_says_where_it_is_and_how_to_show_it(
    upstreams: FakeUpstreams, path: str
) -> None:
    config = settings(public_origin="https://shop.example")
    async with running(build(config, transports=upstreams.transports)) as client:
        page = (await Browser(client).open(f"{path}?cursor=")).html
    assert f'<link rel="canonical" href="https://shop.example{path}">' in page
    assert meta(page, "og:url") == f"https://shop.example{path}"
    assert meta(page, "og:title").endswith("Cartwheel") or "Cartwheel" in meta(page, "og:title")
    assert meta(page, "og:description") == meta(page, "description")
    assert meta(page, "og:image") == "https://shop.example/apple-touch-icon.png"


@pytest.mark.parametrize("path", PERSONAL)
async def test_a_personal_page_is_not_for_search_engines(browser: Browser, path: str) -> None:
    page = (await browser.open(path)).html
    assert meta(page, "robots") == "noindex"
    assert "canonical" not in page


async def test_without_a_public_origin_a_page_names_its_path_only(browser: Browser) -> None:
    page = (await browser.open("/products/BIKE-1?cursor=")).html
    assert '<link rel="canonical" href="/products/BIKE-1">' in page
    assert meta(page, "og:title") == "Fixed wheel · Cartwheel"
    assert meta(page, "og:url") == meta(page, "og:image") == ""


async def test_a_product_is_described_for_programs(
    browser: Browser, upstreams: FakeUpstreams
) -> None:
    upstreams.stock(product("BIKE-2", name="</script><b>", price=2900, available=0))
    page = (await browser.open("/products/BIKE-2")).html
    match = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert match is not None
    data = json.loads(match[1])
    assert data["name"] == "</script><b>"
    assert data["offers"]["price"] == "29.00"
    assert data["offers"]["priceCurrency"] == "EUR"
    assert data["offers"]["availability"] == "https://schema.org/OutOfStock"
    assert data["image"].endswith("/products/BIKE-2/image.svg")


async def test_robots_are_kept_from_what_is_personal(browser: Browser) -> None:
    response = await browser.client.get("/robots.txt")
    assert response.headers["content-type"].startswith("text/plain")
    assert "Disallow: /cart\n" in response.text
    assert "Disallow: /\n" not in response.text


async def test_home_screens_get_a_picture(browser: Browser) -> None:
    response = await browser.client.get("/apple-touch-icon.png")
    assert response.headers["content-type"] == "image/png"
    assert response.content == touch_icon.draw()
    assert 'rel="apple-touch-icon"' in (await browser.open("/")).html


async def test_pages_are_compressed_for_browsers_that_take_it(browser: Browser) -> None:
    async with browser.client.stream(
        "GET", "/", headers=PAGE_HEADERS | {"accept-encoding": "gzip"}
    ) as response:
        raw = b"".join([part async for part in response.aiter_raw()])
    assert response.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in response.headers["vary"]
    assert b"Everything here rolls." in gzip.decompress(raw)
    plain = await browser.client.get("/", headers=PAGE_HEADERS | {"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert len(raw) < len(plain.content) / 2


@pytest.mark.parametrize("path", ["/api/products/v1/products", "/products/BIKE-1/image.svg"])
async def test_what_is_for_programs_is_not_compressed(
    browser: Browser, upstreams: FakeUpstreams, path: str
) -> None:
    upstreams.responses["products"] = lambda _: httpx2.Response(
        200, content=b"x" * 5000, headers={"content-type": "image/svg+xml"}
    )
    response = await browser.client.get(path, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in response.headers


async def test_a_form_token_looks_different_on_each_page(browser: Browser) -> None:
    tokens = [(await browser.open("/login")).form("/login").fields["form_token"] for _ in range(3)]
    assert len(set(tokens)) == 3
    assert len({unmasked(token) for token in tokens}) == 1


@pytest.mark.parametrize("shown", ["", "x", "guess", "ü", "A" * 86, "_" * 999, "=" * 8])
def test_what_is_no_masked_token_is_no_token(shown: str) -> None:
    assert unmasked(masked("secret")) == "secret"
    assert unmasked(shown) != "secret"


async def test_the_summary_of_errors_has_the_focus(browser: Browser) -> None:
    page = await browser.open("/login")
    assert "autofocus" not in page.html
    page = await browser.submit(page, "/login", email="", password="")
    assert re.search(r'role="alert" tabindex="-1" autofocus', page.html)


async def test_one_thing_is_one_thing(browser: Browser) -> None:
    assert "Cart 1 thing " in (await browser.add("BIKE-1")).text + " "
    assert "Cart 2 things" in (await browser.add("BIKE-1")).text
