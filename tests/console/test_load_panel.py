"""The panel of the load in a browser: a real console, a real generator, a server as the shop."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, Request, Route, expect

from cartwheel.console.live import Live
from cartwheel.console.load import LoadPart
from cartwheel.console.server import Session
from cartwheel.console.server.session import AvailableParts
from cartwheel.mesh import AutoscalerState, Edge, Frame, Mark
from tests.console.console_server import TOKEN, Console, serving_console
from tests.console.layout import MAX_LOW_ROW, height_of_low_row, layout
from tests.loadtest.fake_shop import shop
from tests.support.browser import WITHIN, Complaints, accessibility_problems
from tests.support.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console")]

OnRoute = Callable[[Route], Awaitable[None]]
PHONE = 390
FRAME_INTERVAL = 0.1
AUTOSCALER = AutoscalerState(
    "scaledobject/cart", "cart", min=2, max=7, desired=2, ready=2, serving=2, capacity=40.0
)
SHOWN = Session("local", "A shop", parts=AvailableParts(load=True))


class LoadPage:
    """A page with the panel."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints = Complaints()
        self.complaints.listen(page)
        self.panel = page.locator("#load")
        self.dial = self.panel.get_by_role("slider", name="Requests per second")
        self.start = self.panel.get_by_role("button", name="Start")
        self.stop = self.panel.get_by_role("button", name="Stop")
        self.stages = self.panel.get_by_label("Stages")
        self.sentence = self.panel.locator(".load-sentence")

    def figure(self, name: str) -> Locator:
        return self.panel.locator("dl > div", has_text=name).locator("dd")

    async def choose_browsing(self) -> None:
        """The scenario that the server in place of the shop knows."""
        await self.panel.get_by_label("Scenario").select_option("browse")

    async def choose(self, shape: str) -> None:
        await self.panel.get_by_role("radio", name=shape).check(force=True)

    async def accessibility_problems(self) -> list[str]:
        """In both themes."""
        found = []
        for scheme in ("light", "dark"):
            await self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            found += await accessibility_problems(self.page, within="#load")
        return found

    async def has_achieved(self, at_least: float) -> bool:
        text = await self.figure("achieved").text_content() or ""
        return text[:1].isdigit() and float(text.split("/")[0]) >= at_least


class Running:
    """The console with frames, as the source of a local run makes them."""

    def __init__(self, console: Console, part: LoadPart, chromium: Browser) -> None:
        self.console, self.part = console, part
        self._chromium = chromium
        self.edges: tuple[Edge, ...] = ()

    async def publish_frames(self) -> None:
        while True:
            state = self.part.state()
            frame = Frame(time.time(), load=state, autoscaler=AUTOSCALER, edges=self.edges)
            self.console.live.publish(frame)
            await asyncio.sleep(FRAME_INTERVAL)

    @asynccontextmanager
    async def page(
        self, *, token: str = TOKEN, route: OnRoute | None = None, **context: object
    ) -> AsyncIterator[LoadPage]:
        """A page of its own; ends with no load, and nothing that the browser complained about."""
        opened: BrowserContext = await self._chromium.new_context(**context)  # type: ignore[arg-type]
        opened.set_default_timeout(WITHIN * 1000)
        if route:
            await opened.route("**/api/load", route)
        try:
            found = LoadPage(await opened.new_page())
            await found.page.goto(f"{self.console.url}/{token and f'#token={token}'}")
            await found.page.wait_for_selector("#load .dial-replicas > span")
            yield found
            # The console has no part for what other panels ask for.
            assert not [one for one in found.complaints if "Failed to load" not in one]
        finally:
            await opened.close()
            await self.end_load()

    async def end_load(self) -> None:
        await self.console.client.delete("/api/load", headers=self.console.token)


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with shop() as url:
        yield url


@pytest.fixture(scope="module")
async def running(chromium: Browser, target: str) -> AsyncIterator[Running]:
    live = Live()
    part = LoadPart(live, find_target=lambda: target, command="cartwheel load")
    async with serving_console([part], session=SHOWN, live=live) as console:
        running = Running(console, part, chromium)
        publishing = asyncio.create_task(running.publish_frames())
        yield running
        publishing.cancel()


@pytest.fixture(scope="module")
async def shared_page(running: Running) -> AsyncIterator[LoadPage]:
    async with running.page(permissions=["clipboard-read", "clipboard-write"]) as page:
        yield page


@pytest.fixture
async def page(shared_page: LoadPage, running: Running) -> AsyncIterator[LoadPage]:
    """One page for many tests: nothing runs, and `Start` starts the usual rate of `browse`."""
    await shared_page.choose_browsing()
    await shared_page.choose("Steady")
    await shared_page.dial.press("Home")
    yield shared_page
    await running.end_load()
    await expect(shared_page.start).to_be_visible()


async def test_the_load_is_started_turned_and_stopped_by_keys(page: LoadPage) -> None:
    await page.page.keyboard.press("l")
    await expect(page.dial).to_be_focused()
    await until(lambda: page.has_achieved(40), within=WITHIN)
    for _ in range(4):
        await page.page.keyboard.press("ArrowUp")
    await expect(page.dial).to_have_attribute("aria-valuenow", "70")
    await until(lambda: page.has_achieved(62), within=WITHIN)
    await expect(page.figure("asked")).to_have_text("70/s")
    await page.page.keyboard.press("0")
    await expect(page.sentence).to_contain_text("✓ browse: ")
    await expect(page.sentence).to_contain_text("none failed")
    await expect(page.start).to_be_visible()


async def test_nothing_moves_when_a_load_begins_is_refused_and_ends(page: LoadPage) -> None:
    before = await layout(page.page)
    assert await height_of_low_row(page.page) <= MAX_LOW_ROW
    await page.start.click()
    await until(lambda: page.has_achieved(40), within=WITHIN)
    assert await layout(page.page) == before
    await page.choose("Step")
    await page.stages.fill("x")
    await expect(page.panel.locator(".problem:visible")).to_contain_text("is not a stage")
    assert await layout(page.page) == before
    await page.stop.click()
    await page.choose("Steady")
    await expect(page.sentence).to_contain_text("✓ browse: ")
    assert await layout(page.page) == before


async def test_keys_that_are_pressed_before_the_load_has_begun_count(
    page: LoadPage, running: Running
) -> None:
    may_go_on = asyncio.Event()

    async def delay(route: Route) -> None:
        if route.request.method == "PUT":
            await may_go_on.wait()
        await route.continue_()

    await page.page.route("**/api/load", delay)
    await page.page.keyboard.press("l")
    await expect(page.dial).to_be_focused()
    await page.page.keyboard.press("ArrowUp")
    await page.page.keyboard.press("ArrowUp")
    await expect(page.dial).to_have_attribute("aria-valuenow", "60")
    # As long as it takes until frames are believed again.
    await page.page.wait_for_timeout(1_800)
    may_go_on.set()
    state = running.part.state
    await until(lambda: state() is not None and state().asked == 60, within=WITHIN)
    await expect(page.dial).to_have_attribute("aria-valuenow", "60")
    await page.page.unroute("**/api/load")


@pytest.mark.parametrize("is_first_refused", [False, True])
async def test_a_key_that_is_pressed_before_the_console_has_said_what_runs_counts(
    running: Running, is_first_refused: bool
) -> None:
    pressed = asyncio.Event()
    refused: list[str] = []

    async def delay(route: Route) -> None:
        await pressed.wait()
        if is_first_refused and not refused:
            refused.append(route.request.url)
            await route.abort()
        else:
            await route.continue_()

    async with running.page(route=delay) as page:
        await page.page.keyboard.press("l")
        pressed.set()
        await expect(page.dial).to_be_focused()
        await expect(page.stop).to_be_visible()
        # It warns of the refusal.
        page.complaints.clear()


class LateAnswers:
    """The console says what runs at once, but the page hears it late."""

    def __init__(self) -> None:
        self._may_arrive = asyncio.Event()
        self.is_given, self.has_arrived = asyncio.Event(), asyncio.Event()

    async def delay(self, route: Route) -> None:
        if route.request.method != "GET":
            return await route.continue_()
        response = await route.fetch()
        self.is_given.set()
        await self._may_arrive.wait()
        await route.fulfill(response=response)
        return self.has_arrived.set()

    async def arrive(self) -> None:
        self._may_arrive.set()
        await self.has_arrived.wait()


@pytest.fixture
async def late(page: LoadPage) -> AsyncIterator[LateAnswers]:
    answers = LateAnswers()
    await page.page.route("**/api/load", answers.delay)
    yield answers
    await answers.arrive()
    await page.page.unroute("**/api/load")


async def test_a_late_answer_of_before_a_load_does_not_end_it_for_the_keys(
    page: LoadPage, running: Running, late: LateAnswers
) -> None:
    running.console.live.mark(Mark(time.time(), "load", "load ends", ""))
    await late.is_given.wait()
    await page.start.click()
    await expect(page.stop).to_be_visible()
    await late.arrive()
    await page.page.keyboard.press("0")
    await until(lambda: running.part.state() is None, within=WITHIN)


async def test_what_is_chosen_after_the_start_stays_when_the_load_has_begun(
    page: LoadPage, late: LateAnswers
) -> None:
    await page.start.click()
    await late.is_given.wait()
    await page.choose("Step")
    await late.arrive()
    await page.stages.fill("20s:30,")
    await expect(page.panel.locator(".problem")).to_contain_text("is not a stage")
    await expect(page.stages).to_be_visible()


async def test_a_load_that_is_stopped_before_it_has_begun_ends(
    page: LoadPage, running: Running
) -> None:
    methods: list[str] = []
    page.page.on("response", lambda response: methods.append(response.request.method))
    await page.page.keyboard.press("l")
    await page.page.keyboard.press("0")
    await until(lambda: "DELETE" in methods, within=WITHIN)
    await expect(page.start).to_be_visible()
    assert running.part.state() is None


async def test_the_dial_says_in_words_where_the_cart_scales(page: LoadPage) -> None:
    await page.panel.get_by_label("Scenario").select_option("cart-add")
    await expect(page.dial).to_have_attribute("aria-valuetext", "Off")
    await page.dial.press("ArrowRight")
    await expect(page.dial).to_have_attribute(
        "aria-valuetext", "1 request per second: needs 1 replica"
    )
    await page.dial.press("End")
    await expect(page.dial).to_have_attribute(
        "aria-valuetext", "500 requests per second: needs 25 replicas and may have 7"
    )
    numbers = await page.panel.locator(".dial-replicas > span").all_text_contents()
    assert numbers[:4] == ["replicas needed", "1", "2", "3"]
    assert numbers[-1] == "7"


async def test_a_drag_sends_few_changes_and_the_last_one(page: LoadPage, running: Running) -> None:
    changes: list[str] = []

    def count(request: Request) -> None:
        if request.method == "PUT":
            changes.append(request.post_data or "")

    await page.start.click()
    await expect(page.stop).to_be_visible()
    page.page.on("request", count)
    box = await page.dial.bounding_box()
    assert box is not None
    began = time.monotonic()
    middle = box["y"] + box["height"] / 2
    await page.page.mouse.move(box["x"] + box["width"] * 0.5, middle)
    await page.page.mouse.down()
    for step in range(40):
        await page.page.mouse.move(box["x"] + box["width"] * (0.5 + step / 200), middle)
    await page.page.mouse.up()
    rate = await page.dial.get_attribute("aria-valuenow")
    state = running.part.state
    await until(lambda: state() is not None and state().asked == float(rate or 0), within=WITHIN)
    # The first one at once, and then four a second.
    assert len(changes) <= 2 + 4 * (time.monotonic() - began)


async def test_stages_are_chosen_edited_and_followed(page: LoadPage) -> None:
    await page.choose("Step")
    await expect(page.stages).to_have_value("20s:20,1m:150,20s:20")
    await expect(page.panel.locator("label[for=load-stages]")).to_have_text("Step: stages")
    await page.stages.fill("20s:30,")
    await expect(page.panel.locator(".problem")).to_contain_text("is not a stage")
    await expect(page.stages).to_have_attribute("aria-invalid", "true")
    await page.stages.fill("60s:30..90")
    await expect(page.panel.locator(".problem")).to_be_hidden()
    await page.stages.press("Enter")
    await expect(page.stop).to_be_visible()
    await page.stop.focus()
    await page.page.keyboard.press("p")
    await expect(page.panel.locator(".load-rate")).to_have_text(re.compile(r"^[3-9]\d$"))
    await expect(page.panel.locator(".load-rate")).to_be_visible()
    await page.page.keyboard.press("Escape")
    await page.stages.fill("60s:35")
    await page.panel.get_by_role("button", name="Change").click()
    # One stage of one rate is the dial again.
    await expect(page.dial).to_have_attribute("aria-valuenow", "35")


async def test_a_load_of_another_page_is_followed(page: LoadPage, running: Running) -> None:
    wave = {"scenario": "browse", "stages": "30s:20..160,30s:160..20,30s:20..160,30s:160..20"}
    client, token = running.console.client, running.console.token
    await client.put("/api/load", json=wave, headers=token)
    await expect(page.panel.get_by_role("radio", name="Wave")).to_be_checked()
    await expect(page.panel.get_by_label("Scenario")).to_have_value("browse")
    await expect(page.stop).to_be_visible()
    await client.delete("/api/load", headers=token)
    await expect(page.start).to_be_visible()


async def test_without_the_token_it_is_shown_with_the_reason(running: Running) -> None:
    async with running.page(token="") as page:
        said = page.panel.page.get_by_text("Read-only: open the link").locator("visible=true")
        await expect(said).to_have_count(1)
        await expect(page.start).to_be_disabled()
        await expect(page.dial).to_have_attribute("aria-disabled", "true")
        before = await page.dial.get_attribute("aria-valuenow")
        await page.dial.press("ArrowUp")
        assert await page.dial.get_attribute("aria-valuenow") == before


async def test_what_arrives_from_elsewhere_is_said(page: LoadPage, running: Running) -> None:
    running.edges = (Edge("outside", "storefront", rate=12.0),)
    await expect(page.sentence).to_contain_text("12 requests/s arrive, but not from here")
    running.edges = ()
    await expect(page.sentence).not_to_contain_text("12 requests/s")


async def test_the_command_line_of_the_same_load_is_copied(page: LoadPage) -> None:
    async def is_copied(stages: str) -> bool:
        copied = await page.page.evaluate("navigator.clipboard.readText()")
        return bool(copied == f"cartwheel load --scenario browse --stages {stages}")

    copy = page.panel.locator(".load-copy")
    await page.choose("Ramp")
    await copy.click()
    await expect(copy).to_have_text("Copied")
    assert await is_copied("90s:10..250,30s:250")
    await page.choose("Step")
    # As a browser does for a page over plain HTTP, or if a person has forbidden it.
    await page.page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject())")
    await copy.click()
    await until(lambda: is_copied("20s:20,1m:150,20s:20"), within=WITHIN)
    await expect(copy).to_be_focused()
    await page.page.evaluate("delete navigator.clipboard.writeText")


async def test_every_state_is_accessible_and_fits_a_phone(page: LoadPage) -> None:
    await page.page.set_viewport_size({"width": PHONE, "height": 844})
    await page.start.click()
    await until(lambda: page.has_achieved(40), within=WITHIN)
    assert not await page.accessibility_problems()
    await page.choose("Step")
    await page.stages.fill("x")
    await expect(page.panel.locator(".problem")).to_be_visible()
    assert not await page.accessibility_problems()
    assert await page.page.evaluate("document.documentElement.scrollWidth") <= PHONE
    await page.stop.click()
    await expect(page.sentence).to_contain_text("✓")
    assert not await page.accessibility_problems()
    await page.page.set_viewport_size({"width": 1280, "height": 720})
