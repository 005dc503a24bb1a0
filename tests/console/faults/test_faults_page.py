"""The panel, the catalogue and the lessons in a real browser, on a real shop."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, Route, expect

from cartwheel.chaos.shop import Shop
from tests.console.console_server import TOKEN
from tests.console.faults.desk import Desk, faults_desk
from tests.console.faults.recorded_lesson import LESSON, RecordedLesson
from tests.console.layout import MAX_LOW_ROW, height_of_low_row, layout
from tests.console.modules import Modules
from tests.support.browser import WITHIN, Complaints, accessibility_problems
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("console")

LISTEN = """
  window.said = [];
  const listen = () => window.said.push(document.querySelector("[aria-live]")?.textContent);
  new MutationObserver(listen).observe(document.body, { subtree: true, childList: true });
"""


SIGNS = "(all) => all.map((one) => one.getBoundingClientRect().y)"
FITS = """(all) => all.every((one) =>
  one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight)"""
WIDER = """() => {
  const wider = new CSSStyleSheet();
  wider.replaceSync("button.fault { letter-spacing: 0.05em; }");
  document.adoptedStyleSheets = [wider];
}"""


@dataclass
class Open:
    """A page of the console, and the console."""

    page: Page
    desk: Desk


@pytest.fixture(scope="module")
async def console(plain_shop: Shop) -> AsyncIterator[Desk]:
    async with faults_desk(plain_shop, with_frames=True) as desk:
        yield desk


@pytest.fixture
async def opened(console: Desk, chromium: Browser) -> AsyncIterator[Open]:
    complaints = Complaints()
    context = await chromium.new_context(viewport={"width": 1280, "height": 720})
    page = await context.new_page()
    complaints.listen(page)
    await page.goto(f"{console.console.url}/#token={TOKEN}")
    await expect(page.locator("#faults .fault")).to_have_count(6)
    yield Open(page, console)
    await context.close()
    # Routes of other parts, which this console does not have; and what tests have refused.
    assert [one for one in complaints if "Failed to load" not in one] == []


async def no_problem_in_both_themes(page: Page, *, within: str = "#faults") -> bool:
    for theme in ("light", "dark"):
        await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        assert await accessibility_problems(page, within=within) == []
    return True


async def is_said(page: Page, words: str) -> bool:
    """Since `LISTEN`: what is announced stays for three seconds."""
    found: bool = await page.evaluate("(words) => said.some((one) => one?.includes(words))", words)
    return found


async def test_a_button_breaks_and_becomes_the_off_switch(opened: Open) -> None:
    page, desk = opened.page, opened.desk
    await page.evaluate(LISTEN)
    before = await layout(page)
    assert await height_of_low_row(page) <= MAX_LOW_ROW
    await page.keyboard.press("b")
    await expect(page.get_by_role("button", name="Kill replica")).to_be_focused()
    await page.get_by_role("button", name="Hang replica").click()
    off = page.get_by_role("button", name="End “Hang replica”")
    await expect(off).to_contain_text("End · ")
    story = page.locator(".faults-story")
    await expect(story).to_contain_text("Expect: Callers eject the silent replica")
    await expect(story).to_contain_text("✓ Seen after")
    assert await layout(page) == before
    await page.get_by_role("button", name="Slow edge").click(force=True)
    await expect(page.locator("#faults .problem")).to_contain_text("One at a time")
    assert await layout(page) == before
    await off.click()
    await expect(story).to_contain_text("as before")
    await expect(page.locator("#faults .problem")).to_be_hidden()
    assert await layout(page) == before
    await until(lambda: is_said(page, "as before"), within=WITHIN)
    assert await desk.effects() == []
    assert await no_problem_in_both_themes(page)


async def test_a_key_that_is_pressed_before_it_is_known_what_can_be_broken_counts(
    opened: Open,
) -> None:
    page, asked = opened.page, asyncio.Event()
    requests: list[str] = []

    async def delay(route: Route) -> None:
        requests.append(route.request.url)
        await asked.wait()
        if len(requests) == 1:
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/api/faults", delay)
    await page.reload()
    await expect(page.locator("#faults h2")).to_be_visible()
    await page.keyboard.press("b")
    asked.set()
    await expect(page.get_by_role("button", name="Kill replica")).to_be_focused()
    await expect(page.locator("#faults .problem")).to_be_hidden()


async def test_lessons_that_cannot_be_read_are_said_and_a_key_meanwhile_counts(
    opened: Open,
) -> None:
    page, tabbed = opened.page, asyncio.Event()

    async def refuse(route: Route) -> None:
        await tabbed.wait()
        await route.abort()

    await page.route("**/api/lessons", refuse)
    await page.get_by_role("button", name="Lessons").click()
    await page.keyboard.press("Tab")
    close = page.locator(".drawer.lessons").get_by_role("button", name="Close")
    await expect(close).to_be_focused()
    tabbed.set()
    await expect(page.locator(".lessons .problem")).to_contain_text("does not respond")
    await expect(close).to_be_focused()
    await expect(page.locator(".lesson-path")).to_have_count(0)


async def test_words_in_a_wide_font_have_room_and_move_no_sign(opened: Open) -> None:
    page = opened.page
    buttons, signs = page.locator(".fault"), page.locator(".fault-sign")
    before = await signs.evaluate_all(SIGNS)
    assert len(set(before)) == 1
    await page.evaluate(WIDER)
    assert await buttons.evaluate_all(FITS)
    assert await signs.evaluate_all(SIGNS) == before
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await buttons.evaluate_all(FITS)


async def test_the_off_switch_of_a_kill_says_that_the_process_restarts(modules: Modules) -> None:
    words = await modules.run(
        "faults_model",
        "[false, true].map((instant) => m.offWords({ instant }, { seconds_left: 2.4 }))",
    )
    assert words == ["End · 3 s", "Restarts · 3 s"]


async def test_while_one_is_in_force_the_others_say_that_it_has_to_end_first(
    opened: Open,
) -> None:
    page, desk = opened.page, opened.desk
    await desk.send("PUT", "/api/faults/cart-partitioned", {"seconds": 60})
    off = page.get_by_role("button", name="End “Cut edge”")
    await expect(off).to_be_visible()
    await page.get_by_role("button", name="Slow edge").click(force=True)
    problem = page.locator("#faults .problem")
    await expect(problem).to_have_text("One at a time: end “Cut edge” first.")
    assert await no_problem_in_both_themes(page)
    await page.keyboard.press("b")
    await expect(off).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(off).to_have_count(0)
    assert await desk.effects() == []


async def test_the_off_switch_of_a_fault_that_has_just_ended_is_no_problem(opened: Open) -> None:
    page, desk = opened.page, opened.desk
    has_asked, may_go_on = asyncio.Event(), asyncio.Event()

    async def delay(route: Route) -> None:
        has_asked.set()
        await may_go_on.wait()
        await route.continue_()

    await desk.send("PUT", "/api/faults/cart-partitioned", {"seconds": 60})
    off = page.get_by_role("button", name="End “Cut edge”")
    await expect(off).to_be_visible()
    await page.route("**/api/faults/current", delay)
    await has_asked.wait()
    await desk.send("DELETE", "/api/faults/cart-partitioned")
    await off.click()
    may_go_on.set()
    await expect(off).to_have_count(0)
    await expect(page.locator("#faults .problem")).to_be_hidden()


MODEL = """
  const answers = [];
  const heard = {};
  const model = new m.FaultsModel({
    info: { mode: "local", parts: { faults: true } },
    state: { moment: null, canChange: true, reason: "" },
    on(name, listener) { heard[name] = listener; },
    request: () => new Promise((resolve, reject) => answers.push({ resolve, reject })),
  });
  const answer = async (send) => { send(); await new Promise((goOn) => setTimeout(goOn)); };
  const nothing = { running: null, last: null, max_seconds: 60 };
  const catalogue = { featured: [], faults: [{ id: "hung", breaks: "" }], ...nothing };
  const frame = { load: null, faults: [{ by: "console" }] };
"""
"""A model of what the console says, and its answers, which come when a test gives them."""


async def after(steps: str, modules: Modules) -> object:
    """What the last of these steps with `MODEL` returns."""
    return await modules.run("faults_model", f"await (async () => {{ {MODEL} {steps} }})()")


async def test_one_fault_begins_of_two_clicks_and_no_earlier_answer_ends_it(
    modules: Modules,
) -> None:
    found = await after(
        """
        await answer(() => answers.shift().resolve(catalogue));
        heard.frame(frame);
        const earlier = answers.shift();
        model.begin("hung");
        model.begin("hung");
        const begun = answers.length;
        const hung = { ...nothing, running: { fault: "hung", seen_after: null } };
        await answer(() => answers.shift().resolve(hung));
        await answer(() => earlier.resolve(nothing));
        return [begun, model.running?.fault];
        """,
        modules,
    )
    assert found == [1, "hung"]


async def test_a_catalogue_that_could_not_be_read_is_read_with_the_next_frame(
    modules: Modules,
) -> None:
    found = await after(
        """
        await answer(() => answers.shift().reject(new Error("No response")));
        const problem = model.problem;
        heard.frame(frame);
        await answer(() => answers.shift()?.resolve(catalogue));
        return [problem, model.problem, model.faults.length];
        """,
        modules,
    )
    assert found == ["No response", "", 1]


async def test_a_fault_is_found_in_the_catalogue_and_lasts_as_long_as_one_says(
    opened: Open,
) -> None:
    page, desk = opened.page, opened.desk
    before = await layout(page)
    opener = page.get_by_role("button", name="All faults")
    await opener.click()
    sift = page.get_by_role("dialog", name="All faults").get_by_label("Filter")
    await expect(sift).to_be_focused()
    await sift.fill("valkey slow")
    entries = page.locator(".faults-list li:visible")
    await expect(entries).to_have_count(1)
    await expect(entries).to_contain_text('make up ARGS="--stores real --chaos"')
    assert await no_problem_in_both_themes(page, within=".faults-catalogue")
    await page.keyboard.press("Escape")
    await expect(opener).to_be_focused()
    await page.keyboard.press("Enter")
    await sift.fill("user-partitioned")
    await page.get_by_label("Seconds", exact=True).fill("40")
    await page.get_by_role("button", name="Break: The storefront cannot reach user").click()
    off = page.get_by_role("button", name="End “The storefront cannot reach user”")
    await expect(off).to_be_visible()
    assert await layout(page) == before
    assert [one["target"] for one in await desk.effects()] == ["storefront->user"]
    await off.click()
    await expect(off).to_have_count(0)
    assert await desk.effects() == []


async def test_a_lesson_asks_first_and_says_what_to_watch(opened: Open) -> None:
    page = opened.page
    await page.evaluate(
        "document.addEventListener('cartwheel:watch', ({ detail }) => { window.watched = detail; })"
    )
    opener = page.get_by_role("button", name="Lessons")
    await page.route("**/api/lessons", lambda route: route.abort(), times=1)
    await opener.click()
    await expect(page.locator(".lessons .problem")).to_contain_text("does not respond")
    await page.keyboard.press("Escape")
    await opener.click()
    lessons = await page.locator(".drawer.lessons").bounding_box()
    slider = await page.locator("#timeline").bounding_box()
    assert lessons is not None
    assert slider is not None
    assert lessons["y"] + lessons["height"] <= slider["y"]
    path = page.locator(".lesson-path button")
    await expect(path).to_have_count(8)
    assert await no_problem_in_both_themes(page, within=".lessons")
    await path.nth(0).click()
    await expect(page.get_by_role("group", name="Does the home page still open?")).to_be_visible()
    assert (await page.evaluate("window.watched.edges")) == ["storefront->cart"]
    assert await no_problem_in_both_themes(page, within=".lessons")
    await page.keyboard.press("Escape")
    assert await page.evaluate("window.watched") is None


async def test_a_lesson_shows_how_far_it_is_and_then_its_grade(opened: Open) -> None:
    page, lesson = opened.page, RecordedLesson()
    await page.evaluate(LISTEN)

    async def respond(route: Route) -> None:
        await route.fulfill(json=lesson.as_json)

    await page.get_by_role("button", name="Lessons").click()
    await page.locator(".lesson-path button").nth(0).click()
    await (
        page.get_by_role("group", name="Does the home page still open?").get_by_label("No").check()
    )
    await page.route(f"**/api/lessons/{LESSON.id}", respond)
    await page.route("**/api/lessons/current", respond)
    await page.get_by_role("button", name="Break it and see").click()
    step = page.locator(".lesson-steps [aria-current]")
    await expect(step).to_have_text("▸ Shoppers come")
    lesson.hear_until("seen")
    await expect(step).to_contain_text("▸ Broken now · ")
    await expect(page.locator(".lesson")).to_contain_text("✓ Seen after 2.2 s.")
    assert await no_problem_in_both_themes(page, within=".lessons")
    lesson.hear_until("settles")
    await expect(step).to_have_text("▸ Was anything lost?")
    lesson.end()
    verdict = page.locator(".lesson-verdict")
    await expect(verdict).to_contain_text("All went as it must.")
    await expect(page.locator(".lesson-answers")).to_contain_text("You expected: no.")
    await expect(page.locator(".lesson-grade")).to_contain_text("Nothing was lost")
    await until(lambda: is_said(page, "all went as it must"), within=WITHIN)
    assert await no_problem_in_both_themes(page, within=".lessons")
    await page.locator(".lesson-command").get_by_role("button", name="Copy").click()
    await expect(page.locator(".lesson-command").get_by_role("button")).to_have_text("Copied")
    await page.get_by_role("button", name="Next lesson").click()
    await expect(page.locator(".lessons h2")).to_have_text("The retry budget")
    assert LESSON.id in await page.evaluate("localStorage.getItem('cartwheel-lessons')")


async def test_without_the_token_all_is_shown_and_nothing_can_be_broken(
    console: Desk, chromium: Browser
) -> None:
    context = await chromium.new_context(viewport={"width": 390, "height": 800})
    page = await context.new_page()
    await page.goto(console.console.url)
    button = page.get_by_role("button", name="Kill replica")
    await expect(button).to_have_attribute("aria-disabled", "true")
    await button.click(force=True)
    await expect(page.locator("#faults .problem")).to_contain_text("cartwheel status")
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await page.evaluate(overflow) <= 0
    assert await console.effects() == []
    await context.close()
