"""A real browser in front of the real shop."""

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.journeys.shop import RunningShop, running_shop

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW_TO_GET_IT = "no chromium on PATH: on Debian, apt-get install chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(HOW_TO_GET_IT)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def shop(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningShop]:
    """One shop for all journeys: each brings a shopper of its own, and there is stock for all."""
    async with running_shop(tmp_path_factory.mktemp("shop")) as running:
        yield running


class Complaints(list[str]):
    """The browser's errors, and the scripts and styles it refused."""

    def listen(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.append(str(error)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.append(message.text)


@pytest.fixture
async def page(chromium: Browser, shop: RunningShop) -> AsyncIterator[Page]:
    """A page of a new visitor. An error of the browser fails the test."""
    context = await chromium.new_context(base_url=shop.url, reduced_motion="reduce")
    page = await context.new_page()
    page.set_default_timeout(10_000)
    complaints = Complaints()
    complaints.listen(page)
    yield page
    await context.close()
    assert complaints == []


@pytest.fixture
async def plain_page(chromium: Browser, shop: RunningShop) -> AsyncIterator[Page]:
    """The same without JavaScript."""
    context = await chromium.new_context(base_url=shop.url, java_script_enabled=False)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    yield page
    await context.close()
