"""The whole page, of a real shop that scales, in a real browser."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, Response, expect

from cartwheel.chaos.shop import Shop, own_shop
from cartwheel.recording import read_lines
from tests.support.browser import WITHIN, Complaints, accessibility_problems, until_true
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console")]

FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
ORDERS = """() => {
  const panels = [...document.querySelectorAll("main > .panel")].filter((one) => one.offsetHeight);
  const seen = panels.map((one) => [one.offsetTop, one.offsetLeft, one.id]);
  seen.sort(([y, x], [otherY, otherX]) => y - otherY || x - otherX);
  return [seen.map(([, , id]) => id), panels.map((one) => one.id)];
}"""
"""The panels as one sees them, line by line, and as they are read."""
MAX_LOADED = 200_000
"""Bytes that a page loads before it shows anything live."""


@pytest.fixture(scope="module")
def scaled_shop() -> Iterator[Shop]:
    """As `make up` starts it; the load of a test ends with it."""
    settings = {"CARTWHEEL_CONSOLE": "on", "CARTWHEEL_AUTOSCALE": "requests"}
    with own_shop(settings=settings) as shop:
        yield shop


@pytest.fixture
def link(scaled_shop: Shop) -> str:
    found: str = scaled_shop.status()["console"]["link"]
    return found


@pytest.fixture
async def page(chromium: Browser, link: str) -> AsyncIterator[Page]:
    """The console as its link opens it. An error of the browser fails the test."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 720})
    page = await context.new_page()
    page.set_default_timeout(WITHIN * 1000)
    complaints = Complaints()
    complaints.listen(page)
    await page.goto(link)
    await expect(page.locator(".connection")).to_contain_text("Live")
    yield page
    await context.close()
    assert complaints == []


async def test_the_page_loads_little_and_only_from_its_own_origin(
    chromium: Browser, link: str
) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))
    await page.goto(link)
    await expect(page.locator(".connection")).to_contain_text("Live")

    loaded = [one for one in responses if "/api/stream" not in one.url]
    sizes = [(await one.request.sizes())["responseBodySize"] for one in loaded]

    origin = link.partition("/#")[0]
    assert {one.url.startswith(origin) for one in responses} == {True}
    assert sum(sizes) < MAX_LOADED
    await context.close()


async def test_the_token_leaves_the_address_and_lasts_for_the_tab(page: Page, link: str) -> None:
    assert "token" not in page.url
    await page.reload()
    await expect(page.locator("#load").get_by_role("button", name="Start")).to_be_enabled()
    await expect(page.locator(".banner")).to_be_hidden()


async def test_without_the_token_the_page_shows_all_and_changes_nothing(
    chromium: Browser, link: str
) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(link.partition("#")[0])

    await expect(page.locator(".banner")).to_contain_text("Read-only")
    await expect(page.locator("#load").get_by_role("button", name="Start")).to_be_disabled()
    await expect(page.locator("#faults").get_by_role("button", name="Kill")).to_be_disabled()
    assert await accessibility_problems(page) == []
    await context.close()


async def test_load_scales_the_cart_and_a_decision_is_explained_as_by_cartwheel_explain(
    page: Page, scaled_shop: Shop
) -> None:
    serving = page.locator("#map .map-wheel.is-serving", has_text="cart-")
    await page.keyboard.press("l")
    knob = page.locator("#load").get_by_role("slider", name="Requests per second")
    await expect(knob).to_be_focused()
    for _ in range(3):
        await knob.press("PageUp")
    decision = page.locator("#autoscaler .decision").first
    await expect(decision).to_contain_text("→")
    await expect(serving).not_to_have_count(2)

    await page.keyboard.press("0")
    await decision.click()
    drawer = page.get_by_role("dialog", name="Why, at")
    await expect(drawer.locator(".reasons")).to_contain_text("target")
    shown = " ".join((await drawer.locator(".reasons").inner_text()).split())
    marks = (await page.evaluate("fetch('/api/history').then(found => found.json())"))["marks"]
    at = next(one["at"] for one in marks if one["kind"] == "decision")

    moment = at + 0.01  # what is typed has microseconds, a decision has more digits
    await until(lambda: _is_recorded(scaled_shop, moment), within=WITHIN)
    expected = [one["text"] for one in _explained(scaled_shop, moment)["sentences"][1:]]
    assert expected
    assert [text for text in expected if text not in shown] == []


def _is_recorded(shop: Shop, moment: float) -> bool:
    lines = read_lines(shop.state.recording)
    return any(line.at > moment for line in lines if line.type == "Synced")


def _explained(shop: Shop, moment: float) -> dict[str, Any]:
    command = [
        *(sys.executable, "-m", "cartwheel", "explain", "--json"),
        *("--state-dir", str(shop.state.root)),
        *("--at", datetime.fromtimestamp(moment).isoformat()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [explanation] = json.loads(done.stdout)
    return dict(explanation)


async def test_a_fault_is_seen_on_the_map_and_ends_by_its_switch(page: Page) -> None:
    await page.locator("#faults").get_by_role("button", name="Hang").click()
    await expect(page.locator("#header h1")).to_contain_text("Fault: ")
    await expect(page.locator("#map .map-fault")).to_be_visible()
    assert await accessibility_problems(page) == []

    await page.locator("#faults").get_by_role("button", name="End").click()
    await expect(page.locator("#map .map-fault")).to_be_hidden()
    await expect(page.locator("#header h1")).not_to_contain_text("Fault: ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_every_scene_and_dialog_can_be_used_by_all(
    page: Page, scheme: Literal["light", "dark"], width: int
) -> None:
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": width, "height": 844})
    found = {}
    for keys in ("", "?", "w", "e", "p", "p3", "pb"):
        for key in keys:
            await page.keyboard.press(key)
        # Charts take their new width a moment after the window has it.
        await until_true(page, FITS)
        found[keys] = await accessibility_problems(page)
        seen, read = await page.evaluate(ORDERS)
        assert seen == read
        for _ in range(3):
            await page.keyboard.press("Escape")

    assert {keys: problems for keys, problems in found.items() if problems} == {}


async def test_a_page_that_is_opened_before_its_console_responds_waits_for_it(
    chromium: Browser, link: str
) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    await page.route("**/api/session", lambda route: route.fulfill(status=503), times=1)

    await page.goto(link)
    await expect(page.locator("#header h1")).to_have_text("Connecting …")
    await expect(page.locator(".connection")).to_contain_text("Live")
    await context.close()


async def test_space_selects_what_has_the_focus(page: Page) -> None:
    shape = page.locator("#load input[type=radio]").nth(1)
    await shape.focus()
    await shape.press("Space")

    await expect(shape).to_be_checked()


@pytest.mark.parametrize("key", [",", "ArrowLeft"])
async def test_the_slider_goes_back_in_time_and_live_returns(page: Page, key: str) -> None:
    if key == "ArrowLeft":
        await page.locator("#timeline").get_by_role("slider").focus()
    await page.keyboard.press(key)

    await expect(page.locator(".connection")).to_contain_text("Replay")
    await expect(page.locator(".banner")).to_contain_text("You see")

    await page.locator("#timeline").get_by_role("button", name="Live").click()
    await expect(page.locator(".connection")).to_contain_text("Live")
    await expect(page.locator(".banner")).to_be_hidden()


async def test_a_shop_that_has_ended_leaves_a_page_that_says_so(chromium: Browser) -> None:
    with own_shop(settings={"CARTWHEEL_CONSOLE": "on"}) as shop:
        context = await chromium.new_context()
        page = await context.new_page()
        await page.goto(shop.status()["console"]["link"])
        await expect(page.locator(".connection")).to_contain_text("Live")

    await expect(page.locator(".connection")).to_contain_text("No connection")
    await expect(page.locator("#header h1")).to_have_text("No connection to the console")
    await expect(page.locator(".banner")).to_contain_text("make up")
    assert await accessibility_problems(page) == []
    await context.close()
