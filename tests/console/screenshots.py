"""Pictures of the console in a browser, of a shop of its own under load: for the documentation.

python -m tests.console.screenshots docs/pictures
"""

import asyncio
import sys
from pathlib import Path

import httpx2
from playwright.async_api import Browser, Page

from cartwheel.chaos.shop import Shop, own_shop
from tests.support.browser import running_chromium

SETTINGS = {"CARTWHEEL_CONSOLE": "on", "CARTWHEEL_AUTOSCALE": "requests"}
LOAD = {"scenario": "mixed", "rate": 180, "seconds": 120}
DESK, PHONE, BIG_SCREEN = (1280, 720), (390, 844), (1920, 1080)


async def take_pictures(shop: Shop, folder: Path) -> None:
    """Each picture shows the same load, some seconds later."""
    link = shop.status()["console"]["link"]
    async with running_chromium() as browser:
        desk = await _open(browser, link, DESK)
        dark = await _open(browser, link, DESK, dark=True)
        phone = await _open(browser, link, PHONE)
        presenter = await _open(browser, link, BIG_SCREEN)
        await presenter.keyboard.press("p")
        await desk.wait_for_timeout(20_000)
        await _start_load(link)
        await _until_scaled(desk)
        await desk.screenshot(path=folder / "console-step.png")
        await desk.wait_for_timeout(25_000)
        await desk.screenshot(path=folder / "console-load.png")
        await dark.screenshot(path=folder / "console-dark.png")
        await phone.screenshot(path=folder / "console-phone.png", full_page=True)
        await presenter.screenshot(path=folder / "console-presenter.png")


async def _open(browser: Browser, link: str, size: tuple[int, int], *, dark: bool = False) -> Page:
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    page = await context.new_page()
    await page.goto(link)
    return page


async def _start_load(link: str) -> None:
    url, _, token = link.partition("#token=")
    async with httpx2.AsyncClient(base_url=url) as client:
        response = await client.put(
            "/api/load", json=LOAD, headers={"authorization": f"Bearer {token}"}
        )
        response.raise_for_status()


async def _until_scaled(page: Page) -> None:
    """A few seconds after the decision, while its replicas start to serve."""
    await page.wait_for_function("document.querySelector('#header h1').textContent.includes('→')")
    await page.wait_for_timeout(2_000)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with own_shop(settings=SETTINGS) as shop:
        asyncio.run(take_pictures(shop, folder))


if __name__ == "__main__":
    main()
