"""A real browser for the console's pages, and a real shop for them to show."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser

from cartwheel.chaos.shop import Shop, own_shop
from tests.console.console_server import serving_console
from tests.console.modules import Modules
from tests.support.browser import running_chromium


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
async def modules(chromium: Browser) -> AsyncIterator[Modules]:
    async with serving_console() as console:
        context = await chromium.new_context()
        page = await context.new_page()
        await page.goto(f"{console.url}/static/js/dom.js")
        yield Modules(page)
        await context.close()


@pytest.fixture(scope="session")
def plain_shop() -> Iterator[Shop]:
    """As `make up` starts it, but that nothing scales it; one for all tests of the console."""
    with own_shop(settings={"CARTWHEEL_CHAOS": "false"}) as shop:
        yield shop
