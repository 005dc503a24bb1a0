"""Starting all services at once, with one report of all wrong settings."""

import asyncio
from collections.abc import Coroutine, Sequence

from cartwheel.local.replica_process import InvalidSettings

# After a service has refused its settings, how long the others may take to do so.
SETTINGS_TIMEOUT = 1.5


async def start_all(work: Sequence[Coroutine[None, None, None]]) -> None:
    """Run all in parallel. Raises the first error, but all `InvalidSettings` as one."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        if any(task.done() and task.exception() for task in tasks):
            await asyncio.wait(tasks, timeout=SETTINGS_TIMEOUT)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    errors = [task.exception() for task in tasks if not task.cancelled()]
    refusals = [error for error in errors if isinstance(error, InvalidSettings)]
    if refusals:
        problems = dict.fromkeys(problem for one in refusals for problem in one.problems)
        raise InvalidSettings(list(problems))
    for error in errors:
        if error is not None:
            raise error
