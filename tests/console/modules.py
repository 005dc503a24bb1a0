"""Functions of the page's modules, called in the browser that runs them."""

from typing import Any

from playwright.async_api import Page


class Modules:
    """Calls functions of the page's modules."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def run(self, module: str, expression: str, argument: Any = None) -> Any:
        """The value of ``expression``, in which `m` is the module and `a` the argument."""
        load = f"const m = await import('/static/js/{module}.js');"
        return await self._page.evaluate(
            f"async (a) => {{ {load} return {expression}; }}", argument
        )
