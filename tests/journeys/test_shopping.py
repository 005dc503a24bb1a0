"""From browsing to the delivered order."""

import asyncio

import pytest
from playwright.async_api import Browser, Page, expect

from tests.journeys.shop import RunningShop
from tests.journeys.steps import (
    PASSWORD,
    check_out,
    expect_count,
    fill_in_address,
    log_in,
    new_email,
    put_in_cart,
    register,
)

pytestmark = pytest.mark.browser

STOPS = ("Confirmed", "Packed", "Shipped", "Out for delivery", "Delivered")
DELIVERED_WITHIN = 20_000


async def test_a_guest_fills_a_cart_registers_orders_and_sees_the_parcel_arrive(
    page: Page,
) -> None:
    await page.goto("/")
    await page.get_by_role("link", name="Toys on wheels").click()
    await page.get_by_role("link", name="Pull-along duck").click()
    await page.get_by_role("button", name="Put in the cart").click()
    await expect_count(page, 1)  # without a new page
    await expect(page.get_by_text("In the cart.")).to_be_visible()
    await put_in_cart(page, "BIKE-FIXIE-01", quantity=2)
    await expect_count(page, 3)

    await page.get_by_role("link", name="Cart 3 things").click()
    await page.get_by_role("button", name="Go to checkout").click()
    await page.get_by_role("link", name="Make an account").click()
    await page.get_by_label("Name").fill("Ann Axle")
    await page.get_by_label("E-mail").fill(new_email())
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Make the account").click()

    await page.wait_for_url("**/checkout")
    await expect_count(page, 3)  # the guest's cart came along
    await fill_in_address(page)
    await page.get_by_role("button", name="Order and pay").click()

    await page.wait_for_url("**/orders/ord*")
    await page.evaluate("window.sameDocument = true")
    await expect_count(page, 0)
    await expect(page.locator("[data-at='5']")).to_be_visible(timeout=DELIVERED_WITHIN)
    await expect(page.get_by_role("status").last).to_contain_text("Delivered")
    for stop in STOPS:
        await expect(page.locator(".step-done", has_text=stop)).to_be_visible()
    assert await page.evaluate("window.sameDocument")  # it was updated, not loaded again

    await page.get_by_role("link", name="Orders", exact=True).click()
    await expect(page.get_by_text("Delivered")).to_be_visible()


@pytest.mark.fault(51)
async def test_a_second_log_in_does_not_double_the_cart(page: Page) -> None:
    email = new_email()
    await put_in_cart(page, "TOY-DUCK-01", quantity=2)
    await expect_count(page, 2)
    await register(page, email)
    await expect_count(page, 2)
    for _ in range(2):
        await page.get_by_role("button", name="Log out").click()
        await expect_count(page, 0)
        await log_in(page, email)
        await expect_count(page, 2)


@pytest.mark.fault(42)
async def test_a_double_click_is_one_order(page: Page) -> None:
    await put_in_cart(page, "TOY-DUCK-01")
    await expect_count(page, 1)
    await register(page, new_email(), next_path="/checkout")
    await fill_in_address(page)
    await page.get_by_role("button", name="Order and pay").dblclick()
    await page.wait_for_url("**/orders/ord*")
    await page.goto("/orders")
    await expect(page.locator(".order-row")).to_have_count(1)


async def test_the_whole_way_without_javascript(plain_page: Page) -> None:
    page = plain_page
    await put_in_cart(page, "TOY-DUCK-01", quantity=3)
    await expect(page.get_by_text("In the cart.")).to_be_visible()
    await expect_count(page, 3)
    await page.goto("/cart")
    await page.get_by_label("Quantity of Pull-along duck").fill("2")
    await page.get_by_role("button", name="Update the cart").click()
    await expect_count(page, 2)
    await register(page, new_email(), next_path="/checkout")
    await check_out(page)
    await expect(page.get_by_text("Your order is placed.")).to_be_visible()
    # The page reloads itself while the shipment moves.
    await expect(page.locator("[data-at='5']")).to_be_visible(timeout=DELIVERED_WITHIN)


async def test_the_whole_way_with_the_keyboard_alone(page: Page) -> None:
    await page.goto("/products/TOY-DUCK-01")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await _tab_to(page, "Put in the cart")
    await page.keyboard.press("Enter")
    await expect_count(page, 1)
    await register(page, new_email(), next_path="/checkout")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await _tab_to(page, "name")
    for value in ("Ann Axle", "Hub Street 1", "", "12345", "Rimville"):
        await page.keyboard.type(value)
        await page.keyboard.press("Tab")
    await page.keyboard.type("Ger")
    await _tab_to(page, "Order and pay")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/orders/ord*")


async def test_errors_lead_to_their_fields(page: Page) -> None:
    await page.goto("/register")
    await page.get_by_role("button", name="Make the account").click()
    summary = page.get_by_role("alert")
    await summary.get_by_role("link", name="Enter an e-mail address.").click()
    await expect(page.get_by_label("E-mail")).to_be_focused()
    await expect(page.get_by_label("E-mail")).to_have_accessible_description(
        "Enter an e-mail address."
    )


@pytest.mark.fault(70)
async def test_a_shopper_never_sees_anothers_order(page: Page, shop: RunningShop) -> None:
    await put_in_cart(page, "TOY-DUCK-01")
    await expect_count(page, 1)
    await register(page, new_email())
    await check_out(page)
    path = page.url.removeprefix(shop.url)
    await page.goto("/docs")  # a page that sends no requests of its own
    await page.context.clear_cookies()
    await register(page, new_email())
    answer = await page.request.get(path)
    assert answer.status == 404


async def _tab_to(page: Page, name: str) -> None:
    """Press Tab until the thing of that name (or id) has the focus."""
    for _ in range(40):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(
            "[document.activeElement.id, document.activeElement.innerText || '']"
        )
        if focused[0] == name or focused[1].startswith(name):
            return
    raise AssertionError(f"the keyboard does not reach {name!r}")


@pytest.mark.fault(61)
async def test_people_keep_their_names_wherever_they_live(page: Page) -> None:
    name = "علی\u200cرضا 👨\u200d👩\u200d👧"
    await put_in_cart(page, "TOY-DUCK-01")
    await expect_count(page, 1)
    await page.goto("/register?next=/checkout")
    await page.get_by_label("Name").fill(f"\ufeff{name}")
    await page.get_by_label("E-mail").fill(new_email().replace("example.com", "müller.example"))
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Make the account").click()
    await page.wait_for_url("**/checkout")
    await fill_in_address(page)
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("Postal code", exact=True).fill("")
    await page.get_by_label("Country").select_option("HK")
    await page.get_by_role("button", name="Order and pay").click()
    await page.wait_for_url("**/orders/ord*")
    await expect(page.locator("address")).to_contain_text(name)
    await expect(page.locator("address")).to_contain_text("Hong Kong")


async def test_a_double_click_puts_one_in_the_cart_and_a_later_click_another(page: Page) -> None:
    await page.goto("/products/TOY-DUCK-01")
    button = page.get_by_role("button", name="Put in the cart")
    await button.dblclick(delay=50)
    await expect(page.get_by_text("1 × Pull-along duck.")).to_be_visible()
    await expect_count(page, 1)
    await button.click()
    await expect(page.get_by_text("That makes 2.")).to_be_visible()
    await expect_count(page, 2)
    await page.get_by_role("link", name="See the cart").click()
    await expect(page.get_by_label("Quantity of Pull-along duck")).to_have_value("2")


async def test_a_double_click_without_javascript_puts_one_in_the_cart(plain_page: Page) -> None:
    page = plain_page
    await page.goto("/products/TOY-DUCK-01")
    await page.get_by_role("button", name="Put in the cart").dblclick()
    await expect(page.get_by_text("1 × Pull-along duck.")).to_be_visible()
    await expect_count(page, 1)


async def test_what_is_typed_in_the_cart_counts_whatever_is_pressed(plain_page: Page) -> None:
    page = plain_page
    await put_in_cart(page, "TOY-DUCK-01", quantity=3)
    await put_in_cart(page, "BIKE-FIXIE-01")
    await page.goto("/cart")
    ducks = page.get_by_label("Quantity of Pull-along duck")
    await ducks.fill("4")
    await page.get_by_role("button", name="One more Pull-along duck").click()
    await expect(ducks).to_have_value("5")
    await ducks.fill("2")
    await ducks.press("Enter")
    await expect(page.get_by_text("The cart is up to date.")).to_be_visible()
    await expect(ducks).to_have_value("2")
    await page.get_by_role("button", name="Remove Errand fixed-gear").click()
    await expect_count(page, 2)
    await page.get_by_role("button", name="Put it back").click()
    await expect_count(page, 3)
    await ducks.fill("9")
    await page.get_by_role("button", name="Go to checkout").click()
    await page.wait_for_url("**/login?next=/checkout")
    await expect_count(page, 10)


async def test_two_tabs_that_add_first_things_at_once_fill_one_cart(plain_page: Page) -> None:
    tabs = [plain_page, await plain_page.context.new_page()]
    for tab, sku in zip(tabs, ("TOY-DUCK-01", "BIKE-FIXIE-01"), strict=True):
        await tab.goto(f"/products/{sku}")
    await asyncio.gather(
        *(tab.get_by_role("button", name="Put in the cart").click() for tab in tabs)
    )
    for tab in tabs:
        await expect(tab.get_by_text("In the cart.")).to_be_visible()
    await tabs[0].goto("/cart")
    await expect_count(tabs[0], 2)


async def test_an_order_is_copied_printed_ordered_again_and_cancelled(
    chromium: Browser, shop: RunningShop
) -> None:
    context = await chromium.new_context(
        base_url=shop.url,
        timezone_id="Asia/Tehran",
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = await context.new_page()
    await put_in_cart(page, "BIKE-FIXIE-01")
    await expect_count(page, 1)
    await register(page, new_email(), next_path="/checkout")
    await check_out(page)
    number = page.url.rpartition("/")[2]
    # While the parcel is not on its way.
    await page.goto(f"/orders/{number}/cancel")
    await expect(page.get_by_role("heading", name="Cancel this order?")).to_be_visible()
    await page.go_back()

    await page.get_by_role("button", name="Copy the number").click()
    await expect(page.get_by_text("Copied.")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == number
    await expect(page.locator("time").first).to_contain_text("GMT+3:30")

    await page.emulate_media(media="print")
    await expect(page.get_by_role("navigation").first).to_be_hidden()
    await expect(page.get_by_text(number)).to_be_visible()
    await page.emulate_media(media="screen")

    await page.get_by_role("button", name="Order it again").click()
    await page.wait_for_url("**/cart")
    await expect_count(page, 1)
    await context.close()


async def test_without_javascript_times_are_in_utc_and_cancelling_asks_once(
    plain_page: Page,
) -> None:
    page = plain_page
    await put_in_cart(page, "TOY-DUCK-01")
    await register(page, new_email(), next_path="/checkout")
    await check_out(page)
    await expect(page.locator("time").first).to_contain_text("UTC")
    await expect(page.get_by_role("button", name="Copy")).to_be_hidden()
    cancel = page.get_by_role("link", name="Cancel this order")
    await cancel.click()
    await page.get_by_role("button", name="Yes, cancel it").click()
    await expect(page.get_by_text("The order is cancelled.")).to_be_visible()


async def test_a_password_can_be_looked_at_while_it_is_typed(page: Page) -> None:
    await page.goto("/login")
    password = page.get_by_label("Password")
    await password.fill(PASSWORD)
    show = page.get_by_role("button", name="Show it")
    await show.click()
    await expect(password).to_have_attribute("type", "text")
    await show.click()
    await expect(password).to_have_attribute("type", "password")


async def test_an_owner_changes_name_and_password(page: Page) -> None:
    email = new_email()
    await register(page, email, next_path="/account")
    await page.get_by_label("Name", exact=True).fill("Ann Hub")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("link", name="Logged in as Ann Hub")).to_be_visible()
    await page.get_by_label("The one you have").fill(PASSWORD)
    await page.get_by_label("The new one").fill("two wheels are better")
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_text("Your password is changed.")).to_be_visible()
    await page.goto("/login?next=/orders")
    await page.wait_for_url("**/orders")
