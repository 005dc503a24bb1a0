"""A replica whose clock is wrong, with libfaketime."""

import asyncio
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from cartwheel.errors import CommandError
from cartwheel.local.faults.undoing import undone
from cartwheel.local.replica_process import Replica
from cartwheel.local.replica_set import ReplicaSet


@asynccontextmanager
async def clock_shifted(replicas: ReplicaSet, *, seconds: float) -> AsyncIterator[Replica]:
    """Replace a replica by one with a shifted clock during the block. Raises `CommandError`."""
    environment = await _shifted_environment(seconds)
    shifted = await replicas.replace_one(environment)
    try:
        yield shifted
    finally:
        await undone(lambda: replicas.restore(shifted))


async def _shifted_environment(seconds: float) -> Mapping[str, str]:
    return {
        "LD_PRELOAD": await _library(),
        "FAKETIME": f"{seconds:+}",
        # Timeouts go on as before. The second name is that of older versions.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


async def _library() -> str:
    """The path of libfaketime, as its command knows it."""
    command = shutil.which("faketime")
    if command is None or sys.platform != "linux":
        raise CommandError(
            "A clock can be shifted on Linux with faketime only (Debian: apt-get install faketime)."
        )
    process = await asyncio.create_subprocess_exec(
        command, "-f", "+0", "printenv", "LD_PRELOAD", stdout=PIPE, stderr=DEVNULL
    )
    output, _ = await process.communicate()
    if not (library := output.decode().strip()):
        raise CommandError("faketime does not say where its library is: is it installed whole?")
    return library
