"""Processes that live no longer than this one, and that can all be ended at once."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cartwheel.errors import CommandError

PROJECT = Path(__file__).parents[2]
CHILD = Path(__file__).with_name("die_with_parent.py")


@dataclass(frozen=True)
class Account:
    """Under whose name a process runs; -1: ours."""

    user: int = -1
    group: int = -1


OURS = Account()


class Processes:
    """Starts processes, each in a group of its own: Ctrl-C reaches the supervisor only."""

    def __init__(self) -> None:
        self._running: set[Process] = set()
        self.closed = False

    async def start(
        self,
        *command: str,
        environment: Mapping[str, str] | None = None,
        descriptors: Iterable[int] = (),
        account: Account = OURS,
        given: bool = False,
    ) -> Process:
        """Start a program (a whole path); its output is read from `stdout`.

        ``descriptors`` are what it inherits. ``given`` opens its `stdin`.
        Raises `CommandError` after `kill_all`, `OSError`.
        """
        if self.closed:
            raise CommandError("Cartwheel is stopping.")
        inherited = [*descriptors, *([self._lifeline] if self._lifeline >= 0 else [])]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(CHILD)),
            *map(str, (os.getpid(), self._lifeline, account.user, account.group)),
            *command,
            pass_fds=inherited,
            # Somebody else may not be let into the project's folder.
            cwd=PROJECT if account == OURS else "/",
            env=environment,
            stdin=PIPE if given else DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            process_group=0,
        )
        self._running = {one for one in self._running if one.returncode is None} | {process}
        if self.closed:
            _kill(process)
        return process

    def kill_all(self) -> None:
        """End every process at once, and start no other. May be called in a signal handler."""
        self.closed = True
        for process in tuple(self._running):
            _kill(process)

    @cached_property
    def _lifeline(self) -> int:
        """What ends with this process, for systems that do not tell children of its death."""
        if sys.platform == "linux":
            return -1
        # Nobody ever writes. The other end stays open in this process until that is gone.
        reader, self._never_closed = os.pipe()
        return reader


async def run_to_end(
    processes: Processes,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    account: Account = OURS,
    given: str = "",
) -> tuple[int, str]:
    """Run a program to its end, and end it when nobody waits any more."""
    process = await processes.start(*command, environment=environment, account=account, given=True)
    try:
        output, _ = await process.communicate(given.encode())
    finally:
        if process.returncode is None:
            _kill(process)
            await process.wait()
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace").strip()


def _kill(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
