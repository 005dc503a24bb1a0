"""Work that must go on after an unexpected error."""

import asyncio
from collections.abc import Awaitable, Callable

from cartwheel.errors import describe_error

RETRY_DELAY = 1.0  # seconds


async def retry_until_done(
    work: Callable[[], Awaitable[None]], name: str, report: Callable[[str], None]
) -> None:
    """Run ``work`` until it returns or is cancelled. When it fails, it starts again."""
    while True:
        try:
            return await work()
        except Exception as error:
            if is_being_cancelled():
                return report(f"{name} failed while it stopped ({describe_error(error)})")
            report(f"{name} failed ({describe_error(error)}) and starts again")
            await asyncio.sleep(RETRY_DELAY)


def is_being_cancelled() -> bool:
    """Whether this task has been cancelled: what was cancelled may have raised another error."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
