"""The panel of the autoscaler in a browser: what it shows of a session, and why."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, Locator, Page, ViewportSize, expect
from playwright.async_api import Route as PageRoute
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cartwheel.console.explanation_json import explanation_json
from cartwheel.console.history.history import History
from cartwheel.console.live import Live
from cartwheel.console.server.session import Session
from cartwheel.explain.explanation import Explanation
from cartwheel.explain.recorded import explain_session, read_sessions
from cartwheel.mesh import Mark
from cartwheel.recording import Recorder
from tests.console.console_server import Console, serving_console
from tests.console.synthetic import SyntheticSession, session
from tests.support.browser import WITHIN, Complaints, accessibility_problems, until_true

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.browser]

SECONDS = 150
OTHERS = "#map, #load, #faults"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 720}
SCHEMES: Sequence[Literal["light", "dark"]] = ("light", "dark")


class Explanations:
    """A part that explains a recorded session."""

    def __init__(self, path: Path) -> None:
        (self._session,) = read_sessions(path)
        self.routes = [Route("/api/explanation", self._get)]

    async def run(self) -> None:
        """Nothing happens in the background."""

    def at(self, moment: float) -> Explanation:
        return explain_session(self._session, moment, source="a recording")

    async def _get(self, request: Request) -> JSONResponse:
        asked = float(request.query_params.get("at", self._session.syncs[-1].at))
        return JSONResponse(explanation_json(self.at(asked)))


@dataclass(frozen=True)
class Shown:
    """A console that shows a made-up session, which ends now."""

    console: Console
    made: SyntheticSession
    explanations: Explanations

    async def open(self, page: Page) -> Locator:
        """The panel, with the values of the last frame."""
        await page.goto(self.console.url)
        self.console.live.publish(self.made.frames[-1])
        panel = page.locator("#autoscaler")
        await expect(panel.locator(".label.arrivals")).to_contain_text("arrivals")
        await expect(panel.locator(".decision").first).to_be_visible()
        return panel


@pytest.fixture(scope="module")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shown]:
    folder = tmp_path_factory.mktemp("session")
    made = session(SECONDS, begin=time.time() - SECONDS)
    recorder = Recorder(folder / "autoscaling.jsonl")
    for entry in made.autoscaler_entries:
        recorder.record(entry)
    recorder.close()
    past = Live()
    history = History(past, folder / "console.sqlite")
    for frame in made.frames:
        past.publish(frame)
    for mark in made.marks:
        past.mark(mark)
    explanations = Explanations(folder / "autoscaling.jsonl")
    local = Session("local", "A shop", start=made.frames[0].at)
    async with serving_console([history, explanations], session=local) as console:
        repeating = asyncio.create_task(repeat(console.live))
        yield Shown(console, made, explanations)
        repeating.cancel()


async def repeat(live: Live) -> None:
    """A page that hears nothing for seconds has lost its connection, and says so."""
    while True:
        await asyncio.sleep(1)
        if live.latest is not None:
            live.publish(live.latest)


@pytest.fixture(scope="module")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    context = await chromium.new_context(viewport=DESK, reduced_motion="reduce")
    page = await context.new_page()
    page.set_default_timeout(10_000)
    yield page
    await context.close()


async def test_each_line_is_named_with_its_newest_value(shown: Shown, page: Page) -> None:
    panel = await shown.open(page)
    last = shown.made.frames[-1].autoscaler
    assert last is not None
    assert last.arrivals is not None
    await expect(panel.locator(".label.arrivals")).to_have_text(f"{round(last.arrivals)}/sarrivals")
    await expect(panel.locator(".label.target")).to_have_text("20/starget")
    await expect(panel.locator(".label.serving")).to_have_text(f"{last.serving}serving")
    await expect(panel.locator(".sentence-text")).to_have_text(last.sentence)
    await expect(panel.get_by_role("heading", name="Autoscaler of cart")).to_be_visible()


async def test_a_decision_is_explained_as_on_the_command_line(shown: Shown, page: Page) -> None:
    panel = await shown.open(page)
    await panel.locator(".decision").first.click()
    drawer = page.locator("dialog.explanation")
    first = next(one for one in shown.made.marks if one.kind == "decision")
    explanation = shown.explanations.at(first.at)
    headline, *reasons = [one.text for one in explanation.sentences]
    outlook = [one.text for one in explanation.outlook]
    await expect(drawer.locator(".headline")).to_have_text(headline)
    texts = await drawer.locator(".sentences li > span:nth-child(2)").evaluate_all(
        "all => all.map((one) => one.firstChild.data)"
    )
    assert texts == [*reasons, *outlook]
    manifest = "".join(await drawer.locator(".manifest .line").all_inner_texts())
    assert "threshold:" in manifest
    await page.keyboard.press("Escape")
    await expect(drawer).to_be_hidden()


@pytest.mark.parametrize("key", ["w", "e"])
async def test_beside_a_drawer_the_load_stays_in_use(shown: Shown, page: Page, key: str) -> None:
    await shown.open(page)
    await page.keyboard.press(key)
    drawer, load = page.locator(".drawer[open]"), page.locator("#load")
    assert await _is_on_top(load.get_by_role("slider"))
    assert await _is_on_top(page.get_by_role("slider", name="Moment in the charts"))
    assert await page.locator("[inert]").evaluate_all("all => all.map((one) => one.id)") == ["map"]
    assert await drawer.bounding_box() == await page.locator("#map").bounding_box()
    await page.keyboard.press("Escape")
    await expect(page.locator("[inert]")).to_have_count(0)


@pytest.mark.parametrize("scene", ["1", "2", "3", "4"])
async def test_on_a_big_screen_what_is_shown_makes_room_for_a_drawer(
    shown: Shown, page: Page, scene: str
) -> None:
    await shown.open(page)
    for key in ("p", scene, "w"):
        await page.keyboard.press(key)
    drawer = await page.locator(".drawer[open]").bounding_box()
    others = page.locator(".panel:visible:not([inert])")
    boxes = [await one.bounding_box() for one in await others.all()]
    assert drawer is not None
    assert boxes
    assert all(box and box["x"] >= drawer["x"] + drawer["width"] for box in boxes)


async def _is_on_top(part: Locator) -> bool:
    """Whether nothing covers its middle."""
    found: bool = await part.evaluate(
        """(one) => {
          const { left, top, width, height } = one.getBoundingClientRect();
          return one.contains(document.elementFromPoint(left + width / 2, top + height / 2));
        }"""
    )
    return found


async def test_live_again_is_one_key(shown: Shown, page: Page) -> None:
    panel = await shown.open(page)
    await panel.locator(".decision").first.click()
    await expect(panel.get_by_role("button", name="Live again")).to_be_visible()
    await page.keyboard.press("v")
    await expect(panel.get_by_role("button", name="Live again")).to_be_hidden()
    await expect(page.locator("dialog.explanation h2")).to_have_text("Why, now")


async def test_reasons_that_cannot_be_read_are_no_reasons(shown: Shown, page: Page) -> None:
    await shown.open(page)
    await page.route("**/api/explanation*", lambda route: route.abort())
    await page.keyboard.press("w")
    reasons = page.locator("dialog.explanation .reasons")
    await expect(reasons.get_by_role("heading")).to_have_text(["No explanation"])
    await expect(reasons.locator(".problem")).to_contain_text("does not respond")
    await page.unroute("**/api/explanation*")


async def test_until_the_reasons_of_a_moment_are_there_the_others_keep_their_title(
    shown: Shown, page: Page
) -> None:
    panel = await shown.open(page)
    await page.keyboard.press("w")
    title = page.locator("dialog.explanation h2")
    await expect(page.locator("dialog.explanation .headline")).to_be_visible()
    asked, may_go_on = asyncio.Event(), asyncio.Event()

    async def delay(route: PageRoute) -> None:
        if "at=" in route.request.url:
            asked.set()
            await may_go_on.wait()
        await route.continue_()

    await page.route("**/api/explanation*", delay)
    await panel.locator(".decision").first.click()
    await asyncio.wait_for(asked.wait(), WITHIN)
    assert await title.text_content() == "Why, now"
    may_go_on.set()
    await expect(title).to_contain_text("Why, at")
    await page.unroute("**/api/explanation*")


async def test_the_arrow_keys_move_a_cursor_that_says_its_values(shown: Shown, page: Page) -> None:
    panel = await shown.open(page)
    plot = panel.get_by_role("slider", name="Moment in the charts")
    await plot.focus()
    await plot.press("Home")
    await expect(panel.locator(".flag")).to_be_visible()
    await expect(plot).to_have_attribute("aria-valuetext", "no data")
    await plot.press("End")
    last = shown.made.frames[-1].autoscaler
    assert last is not None
    said = re.compile(f"desired {last.desired}, ready {last.ready}")
    await expect(plot).to_have_attribute("aria-valuetext", said)


async def test_a_table_has_what_the_charts_show(shown: Shown, page: Page) -> None:
    panel = await shown.open(page)
    await page.keyboard.press("t")
    table = panel.get_by_role("table")
    columns = "Time, arrivals, capacity, metric, target, desired, ready, serving, What happened"
    await expect(table.get_by_role("columnheader")).to_have_text(columns.split(", "))
    await expect(table).to_contain_text("2 → 7")
    await page.keyboard.press("t")
    await expect(table).to_be_hidden()


async def test_a_longer_time_shows_what_was_before(shown: Shown, page: Page) -> None:
    panel = await shown.open(page)
    choice = panel.get_by_role("combobox", name="Time in view")
    await choice.select_option("60")
    await expect(panel.locator(".decision", has_text="2 → 7")).to_be_hidden()
    await choice.select_option("900")
    await expect(panel.locator(".decision", has_text="2 → 7")).to_be_visible()


async def test_a_decision_that_comes_while_the_history_is_read_stays(
    shown: Shown, page: Page
) -> None:
    panel = await shown.open(page)
    decided = panel.get_by_role("button", name="4 → 5 at")
    choice = panel.get_by_role("combobox", name="Time in view")
    await choice.select_option("60")
    await expect(panel.locator(".decision", has_text="2 → 7")).to_be_hidden()

    async def decide(route: PageRoute) -> None:
        response = await route.fetch()
        shown.console.live.mark(Mark(shown.made.frames[-1].at, "decision", "4 → 5", "Now."))
        await expect(decided).to_be_visible()
        await route.fulfill(response=response)

    await page.route("**/api/history*", decide)
    await choice.select_option("900")
    await expect(panel.get_by_role("button", name="2 → 7 at")).to_be_visible()
    await expect(decided).to_be_visible()
    await page.unroute("**/api/history*")


async def test_without_a_token_the_reason_is_said_once(shown: Shown, page: Page) -> None:
    await shown.open(page)
    await page.keyboard.press("e")
    drawer = page.locator("dialog.changes")
    await expect(drawer.get_by_role("button", name="Apply")).to_be_disabled()
    await expect(drawer.locator(".manifest")).to_contain_text("kind: ScaledObject")
    await expect(page.get_by_text("Read-only").locator("visible=true")).to_have_count(1)
    await expect(page.locator(".banner code")).to_have_text("cartwheel status")


async def test_without_an_autoscaler_it_says_how_to_get_one(shown: Shown, page: Page) -> None:
    await shown.open(page)
    plain = session(1, begin=time.time()).frames[0]
    shown.console.live.publish(replace(plain, autoscaler=None))
    panel = page.locator("#autoscaler")
    await expect(panel.get_by_text("There is no autoscaler.")).to_be_visible()
    await expect(panel.get_by_text("cartwheel up --autoscale")).to_be_visible()
    await expect(panel.locator(".label.arrivals")).to_have_text("12/sarrivals")
    await expect(panel.get_by_role("button", name="Edit")).to_be_hidden()


async def test_axe_finds_nothing_in_any_state_in_both_themes(shown: Shown, page: Page) -> None:
    complaints = Complaints()
    complaints.listen(page)
    await shown.open(page)
    # The other panels have tests of their own.
    await page.evaluate(f"document.querySelectorAll('{OTHERS}').forEach((one) => one.remove())")
    found = []
    for keys in ("", "w", "e", "t"):
        if keys:
            await page.keyboard.press(keys)
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            found += await accessibility_problems(page)
    assert found == []
    assert complaints == []


async def test_a_phone_does_not_scroll_sideways(shown: Shown, page: Page) -> None:
    await page.set_viewport_size(PHONE)
    await shown.open(page)
    for keys in ("", "w", "e"):
        if keys:
            await page.keyboard.press(keys)
        await until_true(page, "document.documentElement.scrollWidth <= innerWidth")
    await page.set_viewport_size(DESK)
