"""Child processes that never outlive the supervisor, and that can all be killed at once."""

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
from typing import Protocol

from cartwheel.errors import CommandError
from cartwheel.local.adopted_process import AdoptedProcess, read_pipe

PROJECT = Path(__file__).parents[2]
DIE_WITH_PARENT = Path(__file__).with_name("die_with_parent.py")


@dataclass(frozen=True)
class UnixUser:
    """The user and group a process runs as; -1 for those of this process."""

    uid: int = -1
    gid: int = -1


CURRENT_USER = UnixUser()


class Child(Protocol):
    """A child process, as asyncio describes one."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    @property
    def stdout(self) -> asyncio.StreamReader | None: ...

    async def wait(self) -> int: ...

    def send_signal(self, signal: int) -> None: ...


class ChildProcesses:
    """Starts processes, each in its own process group: Ctrl-C reaches the supervisor only.

    Each may have `open_files`, or as many as this process.
    """

    def __init__(self, *, open_files: int = -1) -> None:
        self._open_files = open_files
        self._running: set[Child] = set()
        self.closed = False

    async def start(
        self,
        *command: str,
        environment: Mapping[str, str] | None = None,
        descriptors: Iterable[int] = (),
        user: UnixUser = CURRENT_USER,
        with_stdin: bool = False,
        folder: Path = PROJECT,
    ) -> Process:
        """Start a program, given by its full path. Its stdout and stderr are read from `stdout`.

        ``descriptors`` are the open files that it inherits, ``folder`` is where it works.
        Raises `CommandError` after `kill_all`, `OSError`.
        """
        if self.closed:
            raise CommandError("Cartwheel is stopping.")
        inherited = [*descriptors, *([self._lifeline] if self._lifeline >= 0 else [])]
        process = await asyncio.create_subprocess_exec(
            *_launcher(self._lifeline, user, open_files=self._open_files),
            *command,
            pass_fds=inherited,
            # Another user may have no access to the project's folder.
            cwd=folder if user == CURRENT_USER else "/",
            env=environment,
            stdin=PIPE if with_stdin else DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            process_group=0,
        )
        self._keep(process)
        return process

    async def adopt(self, pid: int, output: int) -> Child:
        """Take over a child that another process has forked, with a pipe of its output.

        It leads its own process group. Raises `OSError`.
        """
        process = AdoptedProcess(pid, await read_pipe(output))
        self._keep(process)
        return process

    def kill_all(self) -> None:
        """Kill every process and start no other. May be called in a signal handler."""
        self.closed = True
        for process in tuple(self._running):
            _kill(process)

    def _keep(self, process: Child) -> None:
        self._running = {one for one in self._running if one.returncode is None} | {process}
        if self.closed:
            _kill(process)

    @cached_property
    def _lifeline(self) -> int:
        """A pipe that ends with this process, where children get no signal at its death."""
        if sys.platform == "linux":
            return -1
        # Nothing is ever written. The other end stays open for as long as this process lives.
        reader, self._never_closed = os.pipe()
        return reader


def ending_with_pipe(command: Sequence[str], lifeline: int) -> Sequence[str]:
    """The command line of a program that ends when the other end of a pipe is closed.

    The program leads its own process group and inherits ``lifeline``. Unlike the signal at the
    death of the parent, this may be started in any thread: that signal comes with the thread's end.
    """
    return [*_launcher(lifeline, CURRENT_USER), *command]


async def run_to_completion(
    processes: ChildProcesses,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    user: UnixUser = CURRENT_USER,
    stdin: str = "",
) -> tuple[int, str]:
    """Run a program; its exit code and its output. Kills it when the caller is cancelled."""
    process = await processes.start(*command, environment=environment, user=user, with_stdin=True)
    try:
        output, _ = await process.communicate(stdin.encode())
    finally:
        if process.returncode is None:
            _kill(process)
            await process.wait()
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace").strip()


def _launcher(lifeline: int, user: UnixUser, *, open_files: int = -1) -> Sequence[str]:
    numbers = (os.getpid(), lifeline, user.uid, user.gid, open_files)
    return [sys.executable, "-I", "-S", str(DIE_WITH_PARENT), *map(str, numbers)]


def _kill(process: Child) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
