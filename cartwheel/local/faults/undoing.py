"""The end of an effect, when what it acts on may not respond just now."""

import asyncio
from collections.abc import Awaitable, Callable

from cartwheel.errors import CommandError

RETRY_DELAY = 0.5  # seconds


async def undone(attempt: Callable[[], Awaitable[object]]) -> None:
    """Try to undo something until it succeeds: a store may be stopped or just starting."""
    while True:
        try:
            await attempt()
        except CommandError:
            await asyncio.sleep(RETRY_DELAY)
        else:
            return
