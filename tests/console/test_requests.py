"""What the page asks for: nothing that its console does not have, whatever it shows."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Request, expect

from cartwheel.console.history.history import History
from cartwheel.console.live import Live
from cartwheel.console.local import LocalSource
from cartwheel.console.replay import recorded_console
from cartwheel.console.server import Session
from cartwheel.local.state_folder import StateFolder
from tests.console.console_server import TOKEN, Console, serving_console
from tests.console.sessions.files import made, record
from tests.support.browser import Complaints

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.browser]

OPENED_BY_KEYS = ("w", "Escape", "e", "Escape", "l", "b", "t", "t", ",", ",", ".", ".", "v", "0")


@asynccontextmanager
async def a_recording(folder: Path) -> AsyncIterator[Console]:
    contents = recorded_console(record(folder / "session.jsonl", made(40).entries))
    async with serving_console(contents.parts, session=contents.session()) as console:
        yield console


@asynccontextmanager
async def a_console_without_a_shop(folder: Path) -> AsyncIterator[Console]:
    live = Live()
    parts = [LocalSource(StateFolder(folder), live), History(live, folder / "console.sqlite")]
    async with serving_console(parts, session=Session("local", "A shop"), live=live) as console:
        yield console


@pytest.mark.parametrize("opened", [a_recording, a_console_without_a_shop])
async def test_the_page_asks_for_nothing_that_is_not_there(
    chromium: Browser,
    tmp_path: Path,
    opened: Callable[[Path], AbstractAsyncContextManager[Console]],
) -> None:
    complaints = Complaints()
    async with opened(tmp_path) as console:
        context = await chromium.new_context(viewport={"width": 1280, "height": 720})
        page = await context.new_page()
        complaints.listen(page)
        asked: list[Request] = []
        page.on("request", lambda one: asked.append(one))
        await page.goto(f"{console.url}/#token={TOKEN}")
        await expect(page.get_by_role("heading", level=1)).not_to_have_text("Connecting …")
        for key in OPENED_BY_KEYS:
            await page.keyboard.press(key)
        slider = page.get_by_role("slider", name="Moment that is shown")
        for place in ("Home", "End"):
            await slider.press(place)
        refused = [one.url for one in asked if await is_refused(one)]
        await context.close()
    assert refused == []
    assert complaints == []


async def is_refused(request: Request) -> bool:
    response = await request.response()
    return response is None or not response.ok
