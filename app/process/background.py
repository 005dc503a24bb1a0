"""Tasks that run beside the requests: repeated, restarted after an error, ended with the process.

async with run_in_background(repeat(stock.expire, every=5.0, name="expire reservations")):
    yield state

Nobody awaits such a task, so nobody would notice that it died. A task that ends with an error it
did not expect is logged and started again. Every task beside the requests is started by this
module or awaited by its owner.
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

LAST_WORK_SECONDS = 3.0
"""What work that has begun gets when the process ends."""
PAUSE_AFTER_DEATH = 1.0
"""Seconds before work that died begins anew: its error may be there again."""


@dataclass(frozen=True, slots=True)
class BackgroundTask:
    """Something that goes on beside the requests. `run` is called again if it dies."""

    name: str
    run: Callable[[], Coroutine[Any, Any, None]]


def repeat(
    work: Callable[[], Coroutine[Any, Any, object]], *, every: float, name: str
) -> BackgroundTask:
    """Do ``work`` about ``every`` so many seconds until cancelled, whatever goes wrong in it.

    The pause varies by a fifth, so that replicas do not fall into step.
    """

    async def run() -> None:
        while True:
            await asyncio.sleep(every * random.uniform(0.8, 1.2))
            await shielded(_once(work, name), grace=LAST_WORK_SECONDS)

    return BackgroundTask(name, run)


async def _once(work: Callable[[], Coroutine[Any, Any, object]], name: str) -> None:
    """Whatever goes wrong is told here: at the end of the process nobody waits for it."""
    try:
        await work()
    except Unavailable as error:
        get_logger().warning("background.failed", work=name, why=str(error))
    except Exception:
        get_logger().exception("background.failed", work=name)


async def shielded(work: Coroutine[Any, Any, T], *, grace: float) -> T:
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


def consume_exception(task: asyncio.Task[Any]) -> None:
    """Whoever left does not ask what became of it: a done callback for a task that is shielded."""
    if not task.cancelled():
        task.exception()


@asynccontextmanager
async def run_in_background(
    *works: BackgroundTask, pause: float = PAUSE_AFTER_DEATH
) -> AsyncIterator[None]:
    """Run all of ``works`` beside the block, and stop them at the end."""
    tasks = [asyncio.create_task(_keep_running(work, pause), name=work.name) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_running(work: BackgroundTask, pause: float) -> None:
    """Run ``work`` to its own end, or until cancelled by whoever started this."""
    while True:
        try:
            await work.run()
            return
        except asyncio.CancelledError:
            if _is_cancelled():
                raise
            # Not us: something inside was cancelled and let it out.
            get_logger().exception("background.died", work=work.name)
        except Exception:
            get_logger().exception("background.died", work=work.name)
        await asyncio.sleep(pause)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
