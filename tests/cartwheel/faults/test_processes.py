"""A process that is stopped with its children: the guardian is told of each child once."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from types import SimpleNamespace

import psutil
import pytest

from cartwheel.local.faults import processes
from cartwheel.local.faults.processes import StoppableProcess

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
child.wait()
"""


class Guardian:
    def __init__(self) -> None:
        self.told = b""

    def write(self, ids: bytes) -> None:
        self.told += ids


async def test_the_guardian_is_told_of_each_child_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "CHILDREN_MAX_AGE", 0.0)
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=PIPE)
    assert parent.stdout is not None
    child = await parent.stdout.readline()
    guardian = Guardian()
    stoppable = StoppableProcess(SimpleNamespace(process=parent), orphans=guardian)  # type: ignore[arg-type]
    try:
        for _ in range(5):
            stoppable.stop()
            stoppable.resume()
        assert guardian.told == child
    finally:
        for one in psutil.Process(parent.pid).children():
            one.kill()
        await parent.wait()
