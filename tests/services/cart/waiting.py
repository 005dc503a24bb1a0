"""Waiting for something to become true, with an end."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(
    condition: Callable[[], Awaitable[bool]], *, seconds: float, every: float = 0.02
) -> None:
    """Raises `TimeoutError` when ``condition`` is not met within so many seconds."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 – what we wait for is in another process
            await asyncio.sleep(every)
