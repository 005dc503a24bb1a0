"""Wait until a condition holds, with a timeout."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

POLL_SECONDS = 0.005


async def until(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]], *, within: float = 5.0
) -> None:
    """Return when `condition` holds; raises TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while True:
            result = condition()
            if await result if inspect.isawaitable(result) else result:
                return
            await asyncio.sleep(POLL_SECONDS)
