"""What the service does without being asked."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from app.telemetry.logs import get_logger
from services.products.service import Stock


async def take_back_expired(stock: Stock, *, every: float) -> None:
    """Take back stock nobody claimed, about every so many seconds, for ever.

    Replicas may all do it: each reservation expires in one transaction of one of them.
    """
    while True:
        # Not all replicas at once.
        await asyncio.sleep(every * random.uniform(0.8, 1.2))
        try:
            expired = await stock.expire()
        except Exception as error:  # it must be tried again, whatever it was
            get_logger().warning("reservations_not_swept", error=repr(error))
            continue
        if expired:
            get_logger().info("reservations_expired", count=expired)


@asynccontextmanager
async def in_background(task: "asyncio.Task[None]") -> AsyncIterator[None]:
    """Run the task as long as the block, and be sure it has ended after it."""
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
