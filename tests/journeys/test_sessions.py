"""Sessions of one browser over two replicas of the storefront."""

import asyncio

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.journeys.shop import RunningShop
from tests.journeys.steps import expect_count, new_email, put_in_cart, register

pytestmark = pytest.mark.browser

TABS = 6


async def test_six_tabs_over_two_storefronts_keep_the_cart_when_the_access_cookie_ends(
    page: Page, shop: RunningShop
) -> None:
    await put_in_cart(page, "TOY-DUCK-01", quantity=3)
    await expect_count(page, 3)
    await register(page, new_email())
    other = await shop.another("storefront")
    try:
        tabs = [await page.context.new_page() for _ in range(TABS)]
        for _ in range(3):
            await page.context.clear_cookies(name="cartwheel_access")
            await asyncio.gather(
                *(
                    tab.goto(f"{(shop.url, other.url)[number % 2]}/cart")
                    for number, tab in enumerate(tabs)
                )
            )
            for tab in tabs:
                await expect_count(tab, 3)
                await expect(tab.get_by_role("button", name="Log out")).to_be_visible()
        assert await _cookie(page.context, "cartwheel_refresh")
    finally:
        await other.stop()


async def _cookie(context: BrowserContext, name: str) -> str:
    return next(one["value"] for one in await context.cookies() if one["name"] == name)
