"""Work that goes on beside the requests: done again and again, and ended with the process.

async with meanwhile(repeat(stock.expire, every=5.0, name="expire reservations")):
    yield state
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from app.errors import Unavailable
from app.telemetry.logs import get_logger

T = TypeVar("T")

LAST_WORK_SECONDS = 3.0
"""What work that has begun gets when the process ends."""


async def repeat(
    work: Callable[[], Coroutine[Any, Any, object]], *, every: float, name: str
) -> None:
    """Do ``work`` about ``every`` so many seconds until cancelled, whatever goes wrong in it.

    The pause varies by a fifth, so that replicas do not fall into step.
    """
    while True:
        await asyncio.sleep(every * random.uniform(0.8, 1.2))
        try:
            await uninterrupted(work(), grace=LAST_WORK_SECONDS)
        except Unavailable as error:
            get_logger().warning("background.failed", work=name, why=str(error))
        except Exception:
            get_logger().exception("background.failed", work=name)


async def uninterrupted(work: Coroutine[Any, Any, T], *, grace: float) -> T:
    """Await ``work``; when cancelled meanwhile, let it come to its end within ``grace`` seconds.

    A question to a store that is cut off half-way costs a connection.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=grace)
        task.cancel()
        raise


@asynccontextmanager
async def meanwhile(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run all of ``work`` beside the block, and stop it at the end."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
