"""A real browser in front of the real shop."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page

from tests.journeys.shop import RunningShop, running_shop
from tests.support.browser import Complaints, running_chromium


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
async def shop(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningShop]:
    """One shop for all journeys: each brings a shopper of its own, and there is stock for all."""
    async with running_shop(tmp_path_factory.mktemp("shop")) as running:
        yield running


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
