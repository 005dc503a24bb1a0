"""The steps of shoppers that journeys are made of."""

import secrets

from playwright.async_api import Page, expect

PASSWORD = "a wheel within a wheel"
ADDRESS = {
    "Name": "Ann Axle",
    "Street and number": "Hub Street 1",
    "Postal code": "12345",
    "City": "Rimville",
}


def new_email() -> str:
    return f"{secrets.token_hex(6)}@example.com"


async def put_in_cart(page: Page, sku: str, *, quantity: int = 1) -> None:
    await page.goto(f"/products/{sku}")
    await page.get_by_label("Quantity").fill(str(quantity))
    await page.get_by_role("button", name="Put in the cart").click()


async def register(page: Page, email: str, *, next_path: str = "/") -> None:
    await page.goto(f"/register?next={next_path}")
    await page.get_by_label("Name").fill("Ann Axle")
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Make the account").click()
    await page.wait_for_url(f"**{next_path}")


async def log_in(page: Page, email: str, *, next_path: str = "/") -> None:
    await page.goto(f"/login?next={next_path}")
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").last.click()
    await page.wait_for_url(f"**{next_path}")


async def fill_in_address(page: Page) -> None:
    for label, value in ADDRESS.items():
        await page.get_by_label(label, exact=True).fill(value)
    await page.get_by_label("Country").select_option("DE")


async def check_out(page: Page) -> None:
    await page.goto("/checkout")
    await fill_in_address(page)
    await page.get_by_role("button", name="Order and pay").click()
    await page.wait_for_url("**/orders/ord*")


async def expect_count(page: Page, count: int) -> None:
    await expect(page.locator("[data-cart-count]")).to_have_text(str(count))
