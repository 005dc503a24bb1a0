"""An exported page in a browser, from a file: no server, no network, no complaint."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from cartwheel.console.sessions.page import session_page
from cartwheel.console.sessions.recorded_session import RecordedSession
from tests.console.sessions.files import explained, made, record
from tests.console.synthetic import BEGIN
from tests.support.browser import Complaints, accessibility_problems

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("console")]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("page") / "session.jsonl", made(40).entries)


@pytest.fixture(scope="module")
def file(path: Path) -> Path:
    file = path.with_name("page.html")
    with RecordedSession(path) as recorded:
        file.write_text(session_page(recorded, title="A scale-out").text)
    return file


@pytest.fixture
async def page(chromium: Browser, file: Path) -> AsyncIterator[Page]:
    page = await chromium.new_page(viewport={"width": 1280, "height": 720})
    complaints = Complaints()
    complaints.listen(page)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    await page.goto(file.as_uri())
    yield page
    await page.close()
    assert [url for url in requested if not url.startswith(("data:", "blob:"))] == [file.as_uri()]
    assert complaints == []


async def test_the_slider_moves_and_the_sentences_are_those_of_the_command(
    page: Page, path: Path
) -> None:
    slider = page.get_by_role("slider", name="Moment that is shown")
    await expect(page.get_by_text("A recording: A scale-out.")).to_be_visible()
    await _is_open_at_the_decision(page)

    at = int(BEGIN) + 22
    await slider.fill(str(at))

    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "Scaling out: 2 of 7 replicas serve"
    )
    await page.keyboard.press("w")
    for sentence in explained(path, at)[:3]:
        await expect(page.get_by_text(sentence).first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_can_be_used_by_all(page: Page, scheme: str) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    await _is_open_at_the_decision(page)

    assert await accessibility_problems(page) == []


async def test_the_sentence_of_a_decision_is_said_once(page: Page) -> None:
    await _is_open_at_the_decision(page)
    said = page.get_by_text("Deployment cart goes from 2 to 7 replicas.").locator("visible=true")
    await expect(said).to_have_count(1)


async def test_it_offers_only_what_can_be_done(page: Page) -> None:
    await _is_open_at_the_decision(page)
    await expect(page.get_by_role("combobox", name="Time in view")).to_have_value("39")
    for name in ("Start", "Edit", "Pause", "All faults", "Live"):
        await expect(page.get_by_role("button", name=name)).to_be_hidden()
    await page.keyboard.press("?")
    keys = await page.locator(".keys-list dt").all_inner_texts()
    assert {"W", "T", "P", "4"} <= set(keys)
    assert not {"L", "0", "B", "E", "V", "5", "6"} & set(keys)


async def _is_open_at_the_decision(page: Page) -> None:
    await expect(page.locator(".flag")).to_be_visible()
    first = next(one for one in made(40).marks if one.kind == "decision")
    moment = page.get_by_role("slider", name="Moment that is shown")
    await expect(moment).to_have_value(str(int(first.at)))
