"""Where the parts of the page are."""

from typing import Any

from playwright.async_api import Page

MAX_LOW_ROW = 170
"""Pixels of the row of the load and the faults at 1280 x 720: the charts need the rest."""


async def layout(page: Page) -> dict[str, Any]:
    """Left, top, width and height of what must not move while something happens."""
    return {name: await page.locator(name).bounding_box() for name in ("#map", "#autoscaler")}


async def height_of_low_row(page: Page) -> float:
    boxes = [await page.locator(name).bounding_box() for name in ("#load", "#faults")]
    return max(box["height"] for box in boxes if box)
