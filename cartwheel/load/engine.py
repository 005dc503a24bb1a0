"""Runs the load generator in a process of its own, so that showing the load does not delay it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cartwheel.errors import CommandError, UsageError
from loadtest.arrivals import Stage, written
from loadtest.changes import Change, to_line
from loadtest.figures import Figures, Total, from_line

MAX_LINE = 1024 * 1024
MAX_ERROR = 64 * 1024
"""Of what the generator writes as its error, the end is kept."""
KILL_DELAY = 1.5
"""Seconds that the generator has to end at once."""
WRONG_USAGE = 2
HISTORY_NOT_WRITTEN = 3


@dataclass(frozen=True)
class Load:
    """What to send. The operations are written to ``history``, if it is given."""

    target: str
    scenario: str
    stages: Sequence[Stage]
    shoppers: int
    seed: int | None = None
    history: Path | None = None


class Engine:
    """The process of one load. It ends with this one, however this one ends."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._process: asyncio.subprocess.Process | None = None
        self._change: Change | None = None
        self._kill: asyncio.TimerHandle | None = None
        self._is_killed = False
        self.is_stopping = False

    async def run(self) -> AsyncIterator[Figures | Total]:
        """Yield figures each second, and the total at the end.

        Raises `UsageError` if the shop is not at the target, and `CommandError` if it fails.
        """
        # A session of its own: Ctrl-C reaches only the process that the person started.
        self._process = await asyncio.create_subprocess_exec(
            *self._command_line(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=MAX_LINE,
        )
        if self._change:
            self._write(self._change)
        if self.is_stopping:
            self._send(signal.SIGINT)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        errors = asyncio.create_task(_end_of(self._process.stderr))
        found: Figures | Total | None = None
        try:
            async for line in self._process.stdout:
                found = from_line(line)
                yield found
            self._check_end(found, await self._process.wait(), await errors)
        finally:
            if self._kill is not None:
                self._kill.cancel()
            self._send(signal.SIGKILL)
            await self._process.wait()
            errors.cancel()

    def follow(self, stages: Sequence[Stage], *, shoppers: int) -> None:
        """Send according to these stages from now on, until they are over.

        It has no effect on a load whose time is over.
        """
        change = Change(stages, shoppers)
        if self._process is None:
            self._change = change
        elif not self.is_stopping:
            self._write(change)

    def stop(self) -> None:
        """End the load when the requests in flight have ended; the second time, at once."""
        if self.is_stopping and self._kill is None:
            self._kill = asyncio.get_running_loop().call_later(KILL_DELAY, self._end_by_force)
        self.is_stopping = True
        self._send(signal.SIGINT)

    def pause(self) -> None:
        """Send nothing until `resume`; what is due meanwhile is missed."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def _write(self, change: Change) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{to_line(change)}\n".encode())

    def _end_by_force(self) -> None:
        self._is_killed = True
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _command_line(self) -> Sequence[str]:
        load = self._load
        return [
            *(sys.executable, "-m", "loadtest", "--figures", "--follow-stdin"),
            *("--target", load.target, "--scenario", load.scenario),
            *("--shoppers", str(load.shoppers)),
            *("--stages", written(load.stages)),
            *([] if load.seed is None else ("--seed", str(load.seed))),
            *([] if load.history is None else ("--history", str(load.history))),
        ]

    def _check_end(self, last: Figures | Total | None, code: int, error: str) -> None:
        if isinstance(last, Total) and code != HISTORY_NOT_WRITTEN:
            return
        if self._is_killed:
            raise CommandError(
                "The load generator did not end and was killed: there are no figures of the load."
            )
        if self.is_stopping and code != HISTORY_NOT_WRITTEN:
            return
        reason = error.strip().splitlines()
        if code == WRONG_USAGE and reason:
            raise UsageError(reason[-1])
        raise CommandError(f"The load generator failed: {reason[-1] if reason else f'exit {code}'}")


async def _end_of(stream: asyncio.StreamReader) -> str:
    """The end of what is written there; all of it is read, so that the writer never waits."""
    kept = b""
    while part := await stream.read(MAX_ERROR):
        kept = (kept + part)[-MAX_ERROR:]
    return kept.decode(errors="replace")
