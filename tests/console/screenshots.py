"""Three minutes of a shop of its own in the console, for the documentation: pictures and a page.

python -m tests.console.screenshots docs
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
from playwright.async_api import Browser, Page, expect

from cartwheel.chaos.shop import Shop, own_shop
from tests.support.browser import running_chromium

SETTINGS = {"CARTWHEEL_CONSOLE": "on", "CARTWHEEL_AUTOSCALE": "requests"}
LOAD = {"scenario": "cart-add", "stages": "20s:20,90s:130,50s:20"}
FAULT = "slow-cart"
SETTLING, TO_STEP, TO_LOAD, TO_FAULT, TO_END = 8.0, 20.0, 30.0, 5.0, 95.0
"""Seconds before the load, and between what happens."""
MINUTES = 3
TITLE = "Three minutes of the shop: a step of the load, the cart scales out, a slow edge, and back"
DESK, PHONE, BIG_SCREEN = (1280, 720), (390, 844), (1920, 1080)


@dataclass(frozen=True)
class Console:
    """The console of a shop, as its link says."""

    link: str

    async def put(self, path: str, content: Mapping[str, object]) -> None:
        url, _, token = self.link.partition("/#token=")
        headers = {"authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=url, headers=headers) as client:
            (await client.put(path, json=content)).raise_for_status()

    async def open(self, browser: Browser, size: tuple[int, int], *, dark: bool = False) -> Page:
        width, height = size
        context = await browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        page = await context.new_page()
        await page.goto(self.link)
        return page


async def take_pictures(shop: Shop, folder: Path) -> None:
    """During the step of the load, at its height, and with a fault."""
    console = Console(shop.status()["console"]["link"])
    async with running_chromium() as browser:
        desk = await console.open(browser, DESK)
        dark = await console.open(browser, DESK, dark=True)
        phone = await console.open(browser, PHONE)
        presenter = await console.open(browser, BIG_SCREEN)
        await presenter.keyboard.press("p")
        await asyncio.sleep(SETTLING)
        await console.put("/api/load", LOAD)
        await asyncio.sleep(TO_STEP)
        await _until_scaling(desk)
        await desk.screenshot(path=folder / "console-step.png")
        await asyncio.sleep(TO_LOAD)
        await desk.screenshot(path=folder / "console-load.png")
        await dark.screenshot(path=folder / "console-dark.png")
        await phone.screenshot(path=folder / "console-phone.png", full_page=True)
        await presenter.screenshot(path=folder / "console-presenter.png")
        await console.put(f"/api/faults/{FAULT}", {})
        await asyncio.sleep(TO_FAULT)
        await desk.screenshot(path=folder / "console-fault.png")
        await asyncio.sleep(TO_END)


async def _until_scaling(page: Page) -> None:
    """A moment after the decision: its replicas start to serve."""
    await expect(page).to_have_title(re.compile("→"), timeout=60_000)
    await asyncio.sleep(1.5)


def main() -> None:
    docs = Path(sys.argv[1])
    with own_shop(settings=SETTINGS) as shop:
        asyncio.run(take_pictures(shop, docs / "pictures"))
        export = ("export", "--minutes", str(MINUTES), "--html", str(docs / "session.html"))
        folder = ("--state-dir", str(shop.state.root), "--title", TITLE)
        subprocess.run([sys.executable, "-m", "cartwheel", *export, *folder], check=True)


if __name__ == "__main__":
    main()
