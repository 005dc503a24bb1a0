"""Every page on a small and on a large screen, in the light and in the dark theme."""

from collections.abc import AsyncIterator
from typing import Literal

import pytest
from playwright.async_api import Browser, Page

from tests.journeys.shop import RunningShop
from tests.journeys.steps import check_out, expect_count, new_email, put_in_cart, register
from tests.support.browser import Complaints

pytestmark = pytest.mark.browser

PUBLIC = ("/", "/search", "/categories/toys", "/search?q=nothing-like-it", "/products/TOY-DUCK-01")
FORMS = ("/login", "/register", "/docs")
PERSONAL = ("/cart", "/checkout", "/orders", "/account")
PHONE, DESK = 360, 1280

# Rules for every page, checked in the browser.
CHECKS = """() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const visible = (element) => element.getClientRects().length > 0;
  if (all("h1").length !== 1) faults.push("not one h1");
  if (!document.documentElement.lang) faults.push("no language");
  if (document.documentElement.scrollWidth > innerWidth) faults.push("scrolls sideways");
  let level = 0;
  for (const heading of all("h1,h2,h3,h4")) {
    const its = Number(heading.tagName[1]);
    if (its > level + 1) faults.push(`heading skips to ${heading.tagName}`);
    level = its;
  }
  for (const image of all("img")) if (!image.hasAttribute("alt")) faults.push("img without alt");
  for (const image of all("svg")) {
    if (image.getAttribute("aria-hidden") !== "true") faults.push("svg that is read aloud");
  }
  for (const field of all("input:not([type=hidden]), select")) {
    if (!field.labels.length) faults.push(`${field.name} without label`);
  }
  for (const one of all("a, button")) {
    if (!one.textContent.trim()) faults.push(`${one.outerHTML.slice(0, 60)} without words`);
  }
  const ids = all("[id]").map((element) => element.id);
  if (new Set(ids).size !== ids.length) faults.push("an id twice");
  for (const one of all("[aria-labelledby], [aria-describedby]")) {
    const named = one.getAttribute("aria-labelledby") ?? one.getAttribute("aria-describedby");
    for (const id of named.split(" ")) {
      if (!document.getElementById(id)) faults.push(`nothing is called ${id}`);
    }
  }
  for (const one of all("button, .button, input:not([type=hidden]), select, nav a")) {
    const box = one.getBoundingClientRect();
    if (visible(one) && Math.min(box.width, box.height) < 24) {
      faults.push(`${one.textContent.trim() || one.name} is too small to hit`);
    }
  }
  for (const landmark of ["header", "main", "footer"]) {
    if (all(`body > ${landmark}`).length !== 1) faults.push(`not one ${landmark}`);
  }
  return faults;
}"""


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Literal["light", "dark"]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
async def sized_page(
    request: pytest.FixtureRequest,
    scheme: Literal["light", "dark"],
    chromium: Browser,
    shop: RunningShop,
) -> AsyncIterator[Page]:
    context = await chromium.new_context(
        base_url=shop.url,
        color_scheme=scheme,
        viewport={"width": request.param, "height": 800},
        reduced_motion="reduce",
    )
    page = await context.new_page()
    page.set_default_timeout(10_000)
    complaints = Complaints()
    complaints.listen(page)
    yield page
    await context.close()
    assert complaints == []


async def test_every_page_keeps_the_rules_and_the_browser_has_nothing_to_complain_about(
    sized_page: Page, scheme: str
) -> None:
    page = sized_page
    await put_in_cart(page, "TOY-DUCK-01")
    await expect_count(page, 1)
    for path in PUBLIC + FORMS:
        await _check(page, path, scheme)
    await register(page, new_email())
    for path in PERSONAL:
        await _check(page, path, scheme)
    await check_out(page)
    await _check(page, page.url, scheme)


async def test_the_focus_can_always_be_seen(page: Page) -> None:
    await page.goto("/products/TOY-DUCK-01")
    while True:
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement === document.body"):
            return  # once around
        seen = await page.evaluate(
            """() => {
              const now = document.activeElement;
              const after = getComputedStyle(now, "::after");
              const own = getComputedStyle(now);
              return [own, after].some((s) => s.outlineStyle === "solid"
                && parseFloat(s.outlineWidth) >= 2);
            }"""
        )
        assert seen, await page.evaluate("document.activeElement.outerHTML.slice(0, 100)")


async def test_a_page_asks_only_its_own_origin(page: Page, shop: RunningShop) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in PUBLIC + FORMS:
        await page.goto(path)
        await page.wait_for_load_state("networkidle")
    assert [url for url in asked if not url.startswith(f"{shop.url}/")] == []


async def _check(page: Page, path: str, scheme: str) -> None:
    await page.goto(path)
    await page.wait_for_load_state("load")
    assert await page.evaluate(CHECKS) == [], path
    ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(251, 248, 243)" if scheme == "light" else "rgb(22, 23, 26)")
