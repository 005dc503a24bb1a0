"""Background tasks: repeated, restarted after an error, stopped with the process.

async with run_in_background(repeat(stock.expire, every=5.0, name="expire reservations")):
    yield state

A background task is not awaited, so its error would be lost: it is logged, and the task is started
again. Every task that no request awaits is started by this module or awaited by its owner.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from app.errors import Unavailable
from app.telemetry.logs import get_logger

T = TypeVar("T")

SHUTDOWN_GRACE = 3.0
"""Seconds in which a run that has begun may finish when the process stops."""
RESTART_DELAY = 1.0
"""Seconds until a failed task is started again, because its error may still be there."""


@dataclass(frozen=True, slots=True)
class BackgroundTask:
    """Runs beside the requests; `run` is called again if it raises."""

    name: str
    run: Callable[[], Coroutine[Any, Any, None]]


def repeat(
    work: Callable[[], Coroutine[Any, Any, object]], *, every: float, name: str
) -> BackgroundTask:
    """A task that calls ``work`` about ``every`` so many seconds and logs its errors.

    The interval varies by a fifth, so that replicas do not synchronise.
    """

    async def run() -> None:
        while True:
            await asyncio.sleep(every * random.uniform(0.8, 1.2))
            await shielded(_run_once(work, name), grace=SHUTDOWN_GRACE)

    return BackgroundTask(name, run)


async def _run_once(work: Callable[[], Coroutine[Any, Any, object]], name: str) -> None:
    """Log the error here: when the process stops, the caller is cancelled and cannot."""
    try:
        await work()
    except Unavailable as error:
        get_logger().warning("background.failed", work=name, why=str(error))
    except Exception:
        get_logger().exception("background.failed", work=name)


async def shielded(work: Coroutine[Any, Any, T], *, grace: float) -> T:
    """Await ``work``; if this is cancelled, let ``work`` finish within ``grace`` seconds.

    Cancelling a call to a store costs its connection.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=grace)
        task.cancel()
        raise


def consume_exception(task: asyncio.Task[Any]) -> None:
    """A done callback for a shielded task whose caller may be gone.

    Without it, asyncio would report the error as never retrieved.
    """
    if not task.cancelled():
        task.exception()


@asynccontextmanager
async def run_in_background(
    *tasks: BackgroundTask, restart_delay: float = RESTART_DELAY
) -> AsyncIterator[None]:
    """Run ``tasks`` beside the block, and stop them at its end."""
    running = [
        asyncio.create_task(_keep_running(task, restart_delay), name=task.name) for task in tasks
    ]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _keep_running(task: BackgroundTask, restart_delay: float) -> None:
    """Run ``task`` until it returns or this is cancelled."""
    while True:
        try:
            await task.run()
            return
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            # A task inside was cancelled and did not catch it.
            get_logger().exception("background.died", work=task.name)
        except Exception:
            get_logger().exception("background.died", work=task.name)
        await asyncio.sleep(restart_delay)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
