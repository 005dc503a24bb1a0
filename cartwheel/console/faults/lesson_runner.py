"""Runs a lesson: `cartwheel chaos run FAULT --json` as a child process. Its JSON is the grade."""

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import IO, Any

from cartwheel.chaos.catalogue import Fault
from cartwheel.console.faults.lessons import Lesson
from cartwheel.errors import CommandError
from cartwheel.local.child_processes import PROJECT, ending_with_pipe
from cartwheel.local.command_lines import command_line
from cartwheel.local.state_folder import StateFolder
from cartwheel.mesh import FaultState, Mark
from cartwheel.mesh.mark import HAS_ENDED

MAX_LINE = 2**20
PHASES: Mapping[str, str] = {
    "begins": "usual",
    "injected": "broken",
    "ended": "recovering",
    "result": "recovering",
    "settles": "checking",
}
"""The phase that begins with an event; before them all is ``starting``."""


class LessonRun:
    """One lesson, from its start; it is over when ``process`` has ended."""

    def __init__(self, lesson: Lesson, fault: Fault, *, command: str) -> None:
        self.lesson = lesson
        self.fault = fault
        self.command = command
        self.phase = "starting"
        self.began_at = time.time()
        self.events: dict[str, Mapping[str, Any]] = {}
        self.result: Mapping[str, Any] | None = None
        self.problem: str | None = None

    @property
    def is_over(self) -> bool:
        return self.phase == "ended"

    @property
    def state(self) -> FaultState | None:
        """While its fault is in force."""
        if self.phase != "broken":
            return None
        seconds = time.time() - self.events["injected"]["at"]
        seen = self.events.get("seen")
        return FaultState(
            self.fault.id,
            self.fault.title,
            targets=self._targets,
            seconds=round(seconds, 1),
            seconds_left=round(max(self.fault.seconds - seconds, 0.0), 1),
            seen_after=round(seen["after"], 1) if seen else None,
            by=f"the lesson {self.lesson.title!r}",
        )

    @property
    def _targets(self) -> list[str]:
        watch = self.lesson.watch
        return [*watch.services, *watch.edges]

    def hear(self, line: bytes) -> str | None:
        """Take an event; its name, or None for a line that is none."""
        try:
            event = json.loads(line)
            name: str = event["event"]
        except (ValueError, KeyError, TypeError):
            return None
        self.events[name] = event
        self.phase = PHASES.get(name, self.phase)
        return name

    def end(self, output: bytes) -> None:
        """Take what the command has printed, whole."""
        text = output.decode(errors="replace")
        try:
            self.result, _ = json.JSONDecoder().raw_decode(text, text.find("{\n"))
        except ValueError:
            lines = text.strip().splitlines()
            self.problem = lines[-1] if lines else "The run was ended before it had a result."
        self.phase = "ended"

    @property
    def as_json(self) -> dict[str, Any]:
        injected = self.events.get("injected")
        return {
            "lesson": self.lesson.id,
            "fault": self.fault.id,
            "command": self.command,
            "phase": self.phase,
            "began_at": self.began_at,
            "seconds": self.fault.seconds,
            "injected_at": injected["at"] if injected else None,
            "seen": self.events.get("seen"),
            "measured": self.events["result"]["result"] if "result" in self.events else None,
            "result": self.result,
            "problem": self.problem,
        }


class LessonRunner:
    """Runs one lesson at a time, and keeps what became of the last one."""

    def __init__(self, state: StateFolder, *, mark: Callable[[Mark], None]) -> None:
        self._state = state
        self._mark = mark
        self._task: asyncio.Task[None] | None = None
        self._interrupt: Callable[[], None] = lambda: None
        self.last: LessonRun | None = None

    @property
    def current(self) -> LessonRun | None:
        """The lesson that runs."""
        return self.last if self.last is not None and not self.last.is_over else None

    def start(self, lesson: Lesson, fault: Fault) -> LessonRun:
        """Raises `CommandError` while one runs."""
        if self.current is not None:
            raise CommandError(f"The lesson {self.current.lesson.title!r} runs: end it first.")
        command = command_line(self._state.root, f"chaos run {fault.id}")
        self.last = LessonRun(lesson, fault, command=command)
        self._task = asyncio.create_task(self._run(self.last))
        return self.last

    async def stop(self) -> None:
        """End the fault early; return when the run has told what it measured."""
        if self.current is None or self._task is None:
            raise CommandError("No lesson runs.")
        self._interrupt()
        await asyncio.shield(self._task)

    async def close(self) -> None:
        """End it at once: the end of its process undoes its fault."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, run: LessonRun) -> None:
        output = b""
        try:
            output = await self._output_of(run)
        except (OSError, CommandError) as error:
            output = str(error).encode()
        finally:
            if run.state is not None:
                # Its process was ended, and the fault with it.
                self._report(run.fault, "ended")
            run.end(output)

    async def _output_of(self, run: LessonRun) -> bytes:
        """What the command prints; its events are heard meanwhile."""
        with ExitStack() as stack:
            reader, writer = os.pipe()
            events = stack.enter_context(os.fdopen(reader, "rb", buffering=0))
            lifeline, kept_open = os.pipe()
            stack.callback(os.close, kept_open)
            try:
                process = await self._start(run.fault, events=writer, lifeline=lifeline)
            finally:
                os.close(writer)
                os.close(lifeline)
            self._interrupt = lambda: _signal(process, signal.SIGINT)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._hear(run, events))
                    assert process.stdout is not None
                    output = await process.stdout.read()
                    await process.wait()
            finally:
                _signal(process, signal.SIGKILL)
        return output

    async def _start(self, fault: Fault, *, events: int, lifeline: int) -> Process:
        """It ends with this process, whatever the cause. Ctrl-C does not reach it."""
        command = [
            *(sys.executable, "-m", "cartwheel", "chaos", "run", fault.id, "--json"),
            *(f"--events=/dev/fd/{events}", f"--state-dir={self._state.root}"),
        ]
        return await asyncio.create_subprocess_exec(
            *ending_with_pipe(command, lifeline),
            pass_fds=[events, lifeline],
            cwd=PROJECT,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )

    async def _hear(self, run: LessonRun, file: IO[bytes]) -> None:
        stream = asyncio.StreamReader(limit=MAX_LINE)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), file
        )
        try:
            async for line in stream:
                self._report(run.fault, run.hear(line))
        finally:
            transport.close()

    def _report(self, fault: Fault, event: str | None) -> None:
        if event == "injected":
            self._mark(Mark(time.time(), "fault", fault.id, fault.breaks))
        elif event == "ended":
            self._mark(Mark(time.time(), "fault", f"{fault.id}{HAS_ENDED}", fault.ends))


def _signal(process: Process, number: signal.Signals) -> None:
    """Also if it has ended."""
    with suppress(ProcessLookupError):
        process.send_signal(number)
