"""What strangers write never runs in somebody's browser."""

from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page

from tests.journeys.shop import RunningShop

pytestmark = pytest.mark.browser

PAYLOADS = (
    "<script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned=1'>",
    '"><svg/onload=window.pwned=1>',
    "' onmouseover='window.pwned=1' autofocus onfocus='window.pwned=1",
    "</title><script>window.pwned = 1</script>",
    "javascript:window.pwned=1",
    "{{ constructor.constructor('window.pwned=1')() }}",
)
PLACES = ("/search?q={}", "/login?next={}", "/products/{}", "/categories/{}", "/orders/{}")
INSERT = """(markup) => new Promise((resolve) => {
  addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective));
  document.body.insertAdjacentHTML("beforeend", markup);
})"""


async def assert_nothing_ran(page: Page) -> None:
    assert await page.evaluate("window.pwned === undefined")


@pytest.mark.fault(62)
async def test_what_a_stranger_writes_in_an_address_or_a_name_does_not_run(
    chromium: Browser, shop: RunningShop
) -> None:
    context = await chromium.new_context(base_url=shop.url)
    page = await context.new_page()
    for place in PLACES:
        await page.goto(place.format(quote("".join(PAYLOADS), safe="")))
        await assert_nothing_ran(page)
    await page.goto("/register")
    await page.get_by_label("Name").fill("".join(PAYLOADS)[:100])
    await page.get_by_label("E-mail").fill("somebody@shop.example")
    await page.get_by_label("Password").fill("short")
    await page.get_by_role("button", name="Make the account").click()
    await assert_nothing_ran(page)
    await context.close()


@pytest.mark.fault(62)
async def test_a_script_that_got_into_a_page_is_stopped_by_its_policy(
    chromium: Browser, shop: RunningShop
) -> None:
    context = await chromium.new_context(base_url=shop.url)
    page = await context.new_page()
    await page.goto("/")
    directive = await page.evaluate(INSERT, "<img src=x onerror='window.pwned=1'>")
    assert directive.startswith("script-src")
    await assert_nothing_ran(page)
    await context.close()
