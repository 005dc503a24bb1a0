"""A real browser, and what it complains about."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from tests.support.waiting import until

# A busy machine needs its time: what does not happen fails later, not less.
WITHIN = 20.0
expect.set_options(timeout=WITHIN * 1000)
# The shell opens no window for a page, not even an invisible one: a fifth of the CPU of a new page.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
HOW_TO_GET_IT = "no chromium on PATH: on Debian, apt-get install chromium-headless-shell"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def running_chromium() -> AsyncIterator[Browser]:
    """The Chromium of this machine; without one, the test is skipped."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(HOW_TO_GET_IT)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        await browser.close()


class Complaints(list[str]):
    """The browser's errors, and the scripts and styles it refused."""

    def listen(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.append(str(error)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.append(message.text)


async def until_true(page: Page, expression: str) -> None:
    """Not by `wait_for_function`, whose script a page's policy may refuse."""
    try:
        await until(lambda: page.evaluate(expression), within=WITHIN)
    except TimeoutError:
        raise AssertionError(f"It did not become true: {expression}") from None


async def accessibility_problems(page: Page, *, within: str | None = None) -> list[str]:
    """What axe finds as the page is now, or a part of it: rule, element and reason."""
    # Run outside the page's Content-Security-Policy, as a tool of the browser is.
    results = await Axe().run(page, context=within)
    return [
        f"{violation['id']}: {node['html'][:120]}: {' '.join(node['failureSummary'].split())}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]
