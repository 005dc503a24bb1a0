"""Work that must not end unseen."""

import asyncio
from collections.abc import Awaitable, Callable

from cartwheel.errors import described

PAUSE = 1.0  # seconds


async def persist(
    work: Callable[[], Awaitable[None]], name: str, tell: Callable[[str], None]
) -> None:
    """Do ``work`` to its end; an error that nobody foresaw is told, and the work begun again."""
    while True:
        try:
            return await work()
        except Exception as error:
            tell(f"{name} failed ({described(error)}) and begins again")
            await asyncio.sleep(PAUSE)
