"""Security: headers, cookies, form tokens, escaping."""

import pytest

from services.storefront.main import build
from services.storefront.visit.flash_cookies import flash_cookie_name
from services.storefront.web.form_tokens import unmasked
from tests.services.storefront.browser import PAGE_HEADERS, Browser, Page
from tests.services.storefront.conftest import settings
from tests.services.storefront.fake_upstreams import FakeUpstreams, product
from tests.support.asgi import running

PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "<!--<script>",
)


@pytest.mark.fault(62)
async def test_every_response_forbids_what_is_not_ours(browser: Browser) -> None:
    for path in ("/", "/nope", "/static/nope.css", "/livez"):
        response = await browser.client.get(path, headers=PAGE_HEADERS)
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] == "same-origin"


@pytest.mark.fault(62)
async def test_no_page_has_a_script_or_style_of_its_own(browser: Browser) -> None:
    await browser.add("BIKE-1")
    for path in ("/", "/search", "/products/BIKE-1", "/cart", "/login", "/register", "/docs"):
        html = (await browser.open(path)).html
        assert "<style" not in html
        assert " style=" not in html
        assert "<script>" not in html
        assert " onclick" not in html


@pytest.mark.fault(76)
async def test_cookies_are_out_of_reach_for_scripts_and_other_sites(browser: Browser) -> None:
    page = await browser.open("/products/BIKE-1")
    form = page.form("/cart/items")
    response = await browser.client.post(form.action, data=form.fields, headers=PAGE_HEADERS)
    cookies = [*page.headers.get_list("set-cookie"), *response.headers.get_list("set-cookie")]
    names = {cookie.partition("=")[0] for cookie in cookies}
    assert {"cartwheel_form", "cartwheel_access", "cartwheel_refresh"} <= names
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/" in cookie


async def test_behind_https_cookies_are_secure_and_bound_to_the_host(
    upstreams: FakeUpstreams,
) -> None:
    async with running(build(settings(https=True), transports=upstreams.transports)) as client:
        response = await client.get("/login", headers=PAGE_HEADERS)
    (cookie,) = response.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-cartwheel_form=")
    assert "Secure" in cookie
    assert "strict-transport-security" in response.headers


FORMS = ("/cart/items", "/cart", "/login", "/register")
MORE_FORMS = (
    "/logout",
    "/checkout",
    "/orders/order-0001/cancel",
    "/orders/order-0001/again",
)


@pytest.mark.fault(76)
@pytest.mark.parametrize("path", FORMS + MORE_FORMS)
async def test_no_form_is_taken_without_its_token(
    browser: Browser, upstreams: FakeUpstreams, path: str
) -> None:
    await browser.add("BIKE-1")
    before = len(upstreams.requests)
    for token in ("", "guess", "ü"):
        response = await browser.client.post(
            path, data={"form_token": token, "sku": "BIKE-1"}, headers=PAGE_HEADERS
        )
        assert response.status_code == 403
        assert "This form went stale." in response.text
    # A page that comes again with what was typed may look things up; nothing may be changed.
    changes = [one for one in upstreams.requests[before:] if one.method != "GET"]
    assert [one for one in changes if one.url.path != "/v1/products:lookup"] == []


@pytest.mark.fault(76)
@pytest.mark.parametrize(
    "origin",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://service.evil.example"},
    ],
)
async def test_a_form_from_another_site_is_refused_even_with_a_token(
    browser: Browser, origin: dict[str, str]
) -> None:
    form = (await browser.open("/products/BIKE-1")).form("/cart/items")
    response = await browser.client.post(form.action, data=form.fields, headers=origin)
    assert response.status_code == 403


async def test_the_origin_shoppers_see_counts_behind_a_proxy(upstreams: FakeUpstreams) -> None:
    config = settings(public_origin="https://shop.example")
    async with running(build(config, transports=upstreams.transports)) as client:
        form = (await Browser(client).open("/products/BIKE-1")).form("/cart/items")
        for origin, status in (("https://shop.example", 303), ("http://service", 403)):
            response = await client.post(form.action, data=form.fields, headers={"origin": origin})
            assert response.status_code == status


async def test_a_form_from_another_origin_is_logged_with_the_setting_that_allows_it(
    browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    form = (await browser.open("/login")).form("/login")
    capsys.readouterr()
    await browser.client.post(
        form.action, data=form.fields, headers={"origin": "https://shop.example"}
    )
    logged = capsys.readouterr().out
    assert "https://shop.example" in logged
    assert "CARTWHEEL_PUBLIC_ORIGIN" in logged


async def test_the_form_token_changes_when_somebody_logs_in(browser: Browser) -> None:
    before = unmasked((await browser.open("/login")).form("/login").fields["form_token"])
    page = await browser.register()
    assert unmasked(page.form("/logout").fields["form_token"]) != before


@pytest.mark.fault(76)
@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "multipart/form-data; boundary=x"]
)
async def test_only_forms_are_taken_as_forms(browser: Browser, kind: str) -> None:
    await browser.open("/login")
    response = await browser.client.post(
        "/login", content=b"{}", headers=PAGE_HEADERS | {"content-type": kind}
    )
    assert response.status_code == 415


@pytest.mark.parametrize("body", [b"a=%ff%fe", b"&".join([b"a=1"] * 100), b"a=\xff"])
async def test_a_form_that_cannot_be_read_is_refused(browser: Browser, body: bytes) -> None:
    await browser.open("/login")
    headers = PAGE_HEADERS | {"content-type": "application/x-www-form-urlencoded"}
    response = await browser.client.post("/login", content=body, headers=headers)
    assert response.status_code == 400


@pytest.mark.fault(62)
@pytest.mark.parametrize("payload", PAYLOADS)
async def test_what_strangers_write_is_shown_as_text(
    browser: Browser, upstreams: FakeUpstreams, payload: str
) -> None:
    upstreams.stock(
        product("BIKE-1", name=payload, summary=payload, description=payload, size=payload)
    )
    await browser.add("BIKE-1")
    pages = [
        await browser.open("/"),
        await browser.open("/products/BIKE-1"),
        await browser.open("/cart"),
        await browser.client.get("/search", params={"q": payload}, headers=PAGE_HEADERS),
        await browser.client.get("/login", params={"next": payload}, headers=PAGE_HEADERS),
        await browser.submit(
            await browser.open("/register"), "/register", name=payload, email=payload
        ),
    ]
    for page in pages:
        html = page.html if hasattr(page, "html") else page.text
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "<svg/onload" not in html
        assert "' onmouseover='" not in html
        # Addresses of files and form tokens may hold any digits: what counts is what is read.
        shown = (page if isinstance(page, Page) else Page(page)).text.replace("€49", "")
        assert "49" not in shown or "7 * 7" not in payload


@pytest.mark.fault(62)
@pytest.mark.parametrize("value", ["added.<script>", "made-up", "x" * 5000, "added.\u00fc"])
async def test_a_flash_message_somebody_made_up_is_not_shown(browser: Browser, value: str) -> None:
    response = await browser.client.get(
        "/",
        headers=PAGE_HEADERS
        | {"cookie": f"cartwheel_{flash_cookie_name('/')}={value}".encode("latin-1")},
    )
    assert response.status_code == 200
    assert 'class="wrap notices"' not in response.text


@pytest.mark.fault(64)
async def test_a_host_somebody_made_up_appears_in_no_page_and_no_redirect(
    browser: Browser,
) -> None:
    spoof = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    response = await browser.client.get("/checkout", headers=PAGE_HEADERS | spoof)
    assert response.headers["location"].startswith("/login")
    page = await browser.client.get("/", headers=PAGE_HEADERS | spoof)
    assert "evil.example" not in page.text


async def test_nobody_keeps_a_copy_of_a_page(browser: Browser) -> None:
    assert (await browser.open("/")).headers["cache-control"] == "no-store"
