"""A limit on the memory of a replica, as a container has one: a process above it is killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cartwheel.local.memory import memory_of
from cartwheel.local.replica_process import Replica

CHECK_INTERVAL = 0.1  # seconds


@asynccontextmanager
async def memory_limited(replica: Replica, *, value: int) -> AsyncIterator[None]:
    """Kill each process of the replica that uses more than so many bytes, during the block."""
    watching = asyncio.create_task(_kill_above(replica, value))
    try:
        yield
    finally:
        watching.cancel()


async def _kill_above(replica: Replica, value: int) -> None:
    while True:
        if memory_of(replica.pid) > value:
            replica.kill()
        await asyncio.sleep(CHECK_INTERVAL)
