"""A child process that this process has not started by itself. Linux only."""

import asyncio
import os
import signal
from contextlib import suppress


class AdoptedProcess:
    """What `asyncio.subprocess.Process` is for other children; its output is in ``stdout``."""

    def __init__(self, pid: int, stdout: asyncio.StreamReader) -> None:
        """Raises `OSError` if this is no child process, or the kernel is too old."""
        self.pid = pid
        self.stdout: asyncio.StreamReader | None = stdout
        self.returncode: int | None = None
        self._descriptor = os.pidfd_open(pid)
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._descriptor, self._reap)

    async def wait(self) -> int:
        """Wait for its end; returns the exit code, or the negative number of a signal."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended. Until `_reap`, no other process gets its id."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        status = 0
        with suppress(ChildProcessError):
            _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()


async def read_pipe(descriptor: int) -> asyncio.StreamReader:
    """A reader of a pipe, which it closes at its end."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader
