"""Work that must go on after an unexpected error."""

import asyncio
from collections.abc import Awaitable, Callable

from cartwheel.errors import describe_error

RETRY_DELAY = 1.0  # seconds


async def retry_until_done(
    work: Callable[[], Awaitable[None]], name: str, report: Callable[[str], None]
) -> None:
    """Run ``work`` until it returns. An exception is reported, then ``work`` starts again."""
    while True:
        try:
            return await work()
        except Exception as error:
            report(f"{name} failed ({describe_error(error)}) and starts again")
            await asyncio.sleep(RETRY_DELAY)
