"""Services stop and come back while somebody uses the shop."""

import signal
import time

import pytest
from playwright.async_api import Page, expect

from tests.journeys.shop import RunningShop
from tests.journeys.steps import check_out, expect_count, new_email, put_in_cart, register

pytestmark = pytest.mark.browser

HEALED_WITHIN = 12.0
DELIVERED_WITHIN = 20_000


@pytest.mark.fault(27)
async def test_an_order_goes_on_moving_while_the_storefront_is_replaced(
    page: Page, shop: RunningShop
) -> None:
    await put_in_cart(page, "TOY-DUCK-01")
    await expect_count(page, 1)
    await register(page, new_email())
    await check_out(page)
    await page.evaluate("window.sameDocument = true")
    await shop.replace("storefront")
    await expect(page.locator("[data-at='5']")).to_be_visible(timeout=DELIVERED_WITHIN)
    assert await page.evaluate("window.sameDocument")


async def test_an_order_page_of_an_older_version_is_loaded_again(
    page: Page, shop: RunningShop
) -> None:
    await put_in_cart(page, "TOY-DUCK-01")
    await expect_count(page, 1)
    await register(page, new_email())
    await check_out(page)
    await page.evaluate("""
        document.querySelector("[data-live=steps]").dataset.live = "a-name-of-the-older-version"
    """)
    await expect(page.locator("[data-live='steps']")).to_be_visible(timeout=DELIVERED_WITHIN)
    await expect(page.locator("[data-at='5']")).to_be_visible(timeout=DELIVERED_WITHIN)


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("service", "path", "notice", "status"),
    [
        ("products", "/", "The shelves are not answering.", 200),
        ("cart", "/cart", "The cart is not answering.", 503),
        ("tracking", "/orders", "The order desk is not answering.", 503),
    ],
)
async def test_a_service_that_hangs_is_a_notice_and_heals_without_a_restart(
    plain_page: Page, shop: RunningShop, service: str, path: str, notice: str, status: int
) -> None:
    page = plain_page
    await put_in_cart(page, "TOY-DUCK-01")
    await expect_count(page, 1)
    await register(page, new_email())
    shop.services[service].signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        answer = await page.goto(path)
        assert time.monotonic() - started < 5
        assert answer is not None
        assert answer.status == status
        await expect(page.get_by_text(notice).first).to_be_visible()
        await expect(page.get_by_text("Reference").first).to_be_visible()
    finally:
        shop.services[service].signal(signal.SIGCONT)
    deadline = time.monotonic() + HEALED_WITHIN
    while await page.get_by_text(notice).count():
        assert time.monotonic() < deadline, "it did not heal"
        await page.goto(path)
