"""Runs the load generator in a process of its own, so that showing the load does not delay it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cartwheel.errors import CommandError, UsageError
from loadtest.arrivals import Stage
from loadtest.figures import Figures, Total, from_line

MAX_LINE = 1024 * 1024
WRONG_USAGE = 2


@dataclass(frozen=True)
class Load:
    """What to send."""

    target: str
    scenario: str
    stages: Sequence[Stage]
    shoppers: int


class Engine:
    """The process of one load."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._process: asyncio.subprocess.Process | None = None
        self.is_stopping = False

    async def run(self) -> AsyncIterator[Figures | Total]:
        """Yield figures each second, and the total at the end.

        Raises `UsageError` if the shop is not at the target, and `CommandError` if it fails.
        """
        # A session of its own: Ctrl-C reaches only the process that the person started.
        self._process = await asyncio.create_subprocess_exec(
            *self._command_line(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=MAX_LINE,
        )
        if self.is_stopping:
            self.stop()
        assert self._process.stdout is not None
        found: Figures | Total | None = None
        try:
            async for line in self._process.stdout:
                found = from_line(line)
                yield found
            await self._check_end(found)
        finally:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def stop(self) -> None:
        """End the load when the requests in flight have ended; the second time, at once."""
        self.is_stopping = True
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)

    def _command_line(self) -> Sequence[str]:
        load = self._load
        return [
            *(sys.executable, "-m", "loadtest", "--figures", "--target", load.target),
            *("--scenario", load.scenario, "--shoppers", str(load.shoppers)),
            *("--stages", ",".join(stage.written for stage in load.stages)),
        ]

    async def _check_end(self, last: Figures | Total | None) -> None:
        process = self._process
        assert process is not None
        assert process.stderr is not None
        reason = (await process.stderr.read()).decode(errors="replace").strip().splitlines()
        code = await process.wait()
        if isinstance(last, Total) or self.is_stopping:
            return
        if code == WRONG_USAGE and reason:
            raise UsageError(reason[-1])
        raise CommandError(f"The load generator failed: {reason[-1] if reason else f'exit {code}'}")
