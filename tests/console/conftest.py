"""A real browser for the console's pages."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

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
