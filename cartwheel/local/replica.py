"""One replica: a process that is started, watched, restarted and stopped."""

import asyncio
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from cartwheel.errors import StartError, described
from cartwheel.local.events import Events
from cartwheel.local.replica_log import ReplicaLog
from cartwheel.local.retrying import persist

# How our servers, Valkey and Postgres exit when they were told nonsense.
WRONG_SETTINGS = 2


class State(StrEnum):
    """In the words kubectl uses."""

    STARTING = "Starting"
    READY = "Ready"
    NOT_READY = "NotReady"
    CRASHED = "CrashLoopBackOff"
    DRAINING = "Terminating"
    STOPPED = "Stopped"


@dataclass(frozen=True)
class Timeouts:
    """How long is waited for what, in seconds."""

    probe_every: float = 1.0
    probe_timeout: float = 2.0
    # One slow answer is a busy moment; two are a state.
    not_ready_after: int = 2
    # As the pods' startup and liveness probes: patient, for a restart helps no one who is
    # merely busy.
    first_answer_within: float = 60.0
    hung_after: float = 30.0
    ready_within: float = 60.0
    first_back_off: float = 0.5
    last_back_off: float = 30.0
    # A replica that was well this long starts again at the first back-off.
    forgiven_after: float = 30.0
    # Callers re-read the endpoints file within 0.2 s; until then they may still come.
    leave_before_stop: float = 0.25
    grace: float = 10.0
    grace_when_all_stop: float = 2.3


class Condition(NamedTuple):
    """How a process is. ``why`` says what keeps one from being ready that is alive."""

    alive: bool
    ready: bool
    why: str = ""


class Program(Protocol):
    """What a replica runs."""

    stop_with: signal.Signals

    async def start(self, name: str) -> tuple[Process, int]:
        """Start it once; the process and the port it will answer on.

        Raises `OSError` when this machine has no room, `CommandError` at the wrong moment.
        """
        ...

    async def condition(self, port: int, *, timeout: float) -> Condition:
        """Ask it how it is, for at most so many seconds."""
        ...


class WrongSettings(StartError):
    """The process refused its settings; ``problems`` are its own words."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Replica:
    """Keeps one process running until it is stopped. ``on_change`` follows its state."""

    def __init__(
        self,
        name: str,
        *,
        program: Program,
        log: ReplicaLog,
        events: Events,
        timeouts: Timeouts,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.log = log
        self.state = State.STARTING
        self.port: int | None = None
        self.restarts = 0
        self.since = time.monotonic()
        self._program = program
        self._events = events
        self._timeouts = timeouts
        self._on_change = on_change
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._first_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Nobody may be waiting when settings are refused; that is no unhandled error then.
        self._first_ready.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._delay = timeouts.first_back_off
        self._task = asyncio.create_task(
            persist(self._keep_running, "keeping it running", self._tell_bad), name=name
        )

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    @property
    def leaving(self) -> bool:
        return self._stopping.is_set()

    async def wait_ready(self, timeout: float) -> bool:
        """Whether it became ready in time. Raises `WrongSettings`."""
        await asyncio.wait([self._first_ready], timeout=timeout)
        if not self._first_ready.done():
            return False
        self._first_ready.result()
        return True

    async def stop(self, *, grace: float, leave_before: float = 0.0) -> None:
        """Leave the endpoints, let the process finish, kill it after ``grace`` seconds."""
        if not self.leaving:
            callers_know_it = self.state is State.READY
            self._stopping.set()
            self._become(State.DRAINING)
            if callers_know_it and leave_before:
                await asyncio.sleep(leave_before)
            self._signal(self._program.stop_with)
        _, late = await asyncio.wait([self._task], timeout=grace)
        if late:
            self._tell_bad(f"did not stop within {grace:g} s: killed")
            self.kill()
            await asyncio.wait([self._task])

    def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def _keep_running(self) -> None:
        while not self.leaving:
            started = time.monotonic()
            ending = await self._run_once()
            if ending == WRONG_SETTINGS and not self._first_ready.done():
                # Starting again would not change its mind.
                self._first_ready.set_exception(WrongSettings(list(self.log.tail)))
                break
            if not self.leaving:
                await self._back_off(ending, lived=time.monotonic() - started)
        self._become(State.STOPPED)

    async def _run_once(self) -> int | str:
        """Start the process and see it through; its exit code, or why there was none."""
        self._become(State.STARTING)
        self.log.tail.clear()
        try:
            process, port = await self._program.start(self.name)
        except Exception as error:  # no room, the wrong moment, or a mistake of ours
            return f"could not be started ({described(error)})"
        try:
            return await self._attend(process, port)
        except Exception as error:
            # A mistake of ours. Nobody may be left running unattended.
            return f"was left alone ({described(error)})"
        finally:
            self.kill()

    async def _attend(self, process: Process, port: int) -> int:
        assert process.stdout is not None
        output = process.stdout
        self._process, self.port = process, port
        keeping = asyncio.create_task(
            persist(lambda: self.log.keep(output), "keeping its log", self._tell_bad)
        )
        watching = asyncio.create_task(
            persist(lambda: self._watch(port), "watching it", self._tell_bad)
        )
        if self.leaving:
            # Stopped between the wish to start and the start.
            self._signal(self._program.stop_with)
        try:
            code = await process.wait()
            # What it said last is still in the pipe; something it started may hold the other end.
            await asyncio.wait([keeping], timeout=1.0)
        finally:
            keeping.cancel()
            watching.cancel()
        return code

    async def _watch(self, port: int) -> None:
        """Follow readiness; end a process that answers nothing at all any more."""
        silence_ends = time.monotonic() + self._timeouts.first_answer_within
        failures = 0
        while not self.leaving:
            asked = time.monotonic()
            found = await self._program.condition(port, timeout=self._timeouts.probe_timeout)
            if found.alive:
                silence_ends = time.monotonic() + self._timeouts.hung_after
            failures = 0 if found.ready else failures + 1
            if found.ready:
                self._now_ready(took=time.monotonic() - self.since)
            elif failures >= self._timeouts.not_ready_after and self.state is State.READY:
                self._become(State.NOT_READY)
                why = f" ({found.why})" if found.why else ""
                self._events.tell("waiting", self.name, f"is not ready: takes no requests{why}")
            if time.monotonic() > silence_ends:
                self._tell_bad("answers nothing any more: killed")
                self.kill()
                return
            every = self._timeouts.probe_every if self.state is State.READY else 0.1
            await asyncio.sleep(max(0.0, asked + every - time.monotonic()))

    def _now_ready(self, *, took: float) -> None:
        if self.leaving or self.state is State.READY:
            return
        again = "" if self.state is State.STARTING else " again"
        self._become(State.READY)
        self._events.tell("good", self.name, f"ready{again} on port {self.port} after {took:.1f} s")
        if not self._first_ready.done():
            self._first_ready.set_result(None)

    async def _back_off(self, ending: int | str, *, lived: float) -> None:
        if lived >= self._timeouts.forgiven_after:
            self._delay = self._timeouts.first_back_off
        delay = self._delay
        self._delay = min(2 * delay, self._timeouts.last_back_off)
        self.restarts += 1
        self._become(State.CRASHED)
        if self.log.tail and isinstance(ending, int) and ending > 0:
            # Who is killed has not said why.
            self._tell_bad(self.log.tail[-1])
        self._tell_bad(f"{_told(ending)}: {State.CRASHED}, again in {delay:g} s")
        try:
            await asyncio.wait_for(self._stopping.wait(), delay)
        except TimeoutError:
            return

    def _tell_bad(self, what: str) -> None:
        self._events.tell("bad", self.name, what)

    def _become(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self.since = time.monotonic()
            self._on_change()


def _told(ending: int | str) -> str:
    if isinstance(ending, str):
        return ending
    if ending < 0:
        return f"was ended by {signal.Signals(-ending).name}"
    return f"exited with code {ending}"
