"""One replica: a process that is started, probed, restarted with back-off, and stopped."""

import asyncio
import signal
import time
from collections.abc import Callable
from enum import StrEnum

from cartwheel.errors import UsageError, describe_error
from cartwheel.local.child_processes import Child
from cartwheel.local.events import EventSink
from cartwheel.local.program import Program
from cartwheel.local.replica_log import ReplicaLog
from cartwheel.local.retrying import retry_until_done
from cartwheel.local.timeouts import Timeouts

# The exit code of `app.server`, Valkey and Postgres for settings they refuse.
INVALID_SETTINGS_EXIT_CODE = 2
STARTUP_PROBE_INTERVAL = 0.1
LOG_END_TIMEOUT = 1.0


class State(StrEnum):
    """As kubectl shows it."""

    STARTING = "Starting"
    READY = "Ready"
    NOT_READY = "NotReady"
    CRASHED = "CrashLoopBackOff"
    DRAINING = "Terminating"
    STOPPED = "Stopped"


SCRAPED_STATES = (State.READY, State.NOT_READY)
"""One that starts has nothing to scrape yet; one that drains closes its port."""


class InvalidSettings(UsageError):
    """The process refused its settings; ``problems`` are the lines it printed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Replica:
    """Keeps one process running until `stop`. ``on_change`` is called at each change of state."""

    def __init__(
        self,
        name: str,
        *,
        program: Program,
        log: ReplicaLog,
        events: EventSink,
        timeouts: Timeouts,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.log = log
        self.state = State.STARTING
        self.port: int | None = None
        self.restarts = 0
        self.state_since = time.monotonic()
        # Seconds since the epoch, as an autoscaler compares them with those of its metrics.
        self.created_at = time.time()
        self.readiness_changed_at = self.created_at
        self._program = program
        self._events = events
        self._timeouts = timeouts
        self._on_change = on_change
        self._process: Child | None = None
        self._stopping = asyncio.Event()
        self._first_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Reads the exception, so that asyncio reports none when no `wait_ready` is pending.
        self._first_ready.add_done_callback(lambda future: future.cancelled() or future.exception())
        self._backoff = timeouts.initial_backoff
        self._task = asyncio.create_task(
            retry_until_done(self._keep_running, "keeping it running", self._emit_failure),
            name=name,
        )

    @property
    def process(self) -> Child | None:
        """The process that runs now, if one does."""
        running = self._process is not None and self._process.returncode is None
        return self._process if running else None

    @property
    def pid(self) -> int | None:
        """The process id; None while no process runs."""
        return self.process.pid if self.process else None

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    async def wait_ready(self, timeout: float) -> bool:
        """Whether it became ready in time, and before it was stopped. Raises `InvalidSettings`."""
        await asyncio.wait(
            [self._first_ready, self._task],
            timeout=timeout,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not self._first_ready.done():
            return False
        self._first_ready.result()
        return True

    async def stop(self, *, grace_period: float, pre_stop_delay: float = 0.0) -> None:
        """Leave the endpoints, let the process drain, and kill it after ``grace_period``."""
        if not self.is_stopping:
            was_in_endpoints = self.state is State.READY
            self._stopping.set()
            self._set_state(State.DRAINING)
            if was_in_endpoints and pre_stop_delay:
                await asyncio.sleep(pre_stop_delay)
            self._send_signal(self._program.stop_signal)
        _, pending = await asyncio.wait([self._task], timeout=grace_period)
        if pending:
            self._emit_failure(f"did not stop within {grace_period:g} s: killed")
            self.kill()
            await asyncio.wait([self._task])

    def kill(self) -> None:
        """End the process at once."""
        self._send_signal(signal.SIGKILL)

    def _send_signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    async def _keep_running(self) -> None:
        while not self.is_stopping:
            started = time.monotonic()
            ending = await self._run_once()
            if ending == INVALID_SETTINGS_EXIT_CODE and not self._first_ready.done():
                # The next start would end the same way.
                self._first_ready.set_exception(InvalidSettings(list(self.log.tail)))
                break
            if not self.is_stopping:
                await self._back_off(ending, uptime=time.monotonic() - started)
        self._set_state(State.STOPPED)

    async def _run_once(self) -> int | str:
        """Run one process to its end; its exit code, or why there is none."""
        self._set_state(State.STARTING)
        self.log.tail.clear()
        try:
            process, port = await self._program.start(self.name)
        except Exception as error:  # no resources, the supervisor stops, or a bug
            return f"could not be started ({describe_error(error)})"
        try:
            return await self._supervise(process, port)
        except Exception as error:
            # A bug. A process must not go on without supervision.
            return f"was killed, its supervision failed ({describe_error(error)})"
        finally:
            self.kill()

    async def _supervise(self, process: Child, port: int) -> int:
        """Copy its output and probe it until it exits; returns the exit code."""
        assert process.stdout is not None
        output = process.stdout
        self._process, self.port = process, port
        logging = asyncio.create_task(
            retry_until_done(
                lambda: self.log.copy_from(output), "keeping its log", self._emit_failure
            )
        )
        probing = asyncio.create_task(
            retry_until_done(lambda: self._probe(port), "watching it", self._emit_failure)
        )
        if self.is_stopping:
            # `stop` was called while the process started.
            self._send_signal(self._program.stop_signal)
        try:
            code = await process.wait()
            # Its last lines are still in the pipe. A grandchild may hold the other end open.
            await asyncio.wait([logging], timeout=LOG_END_TIMEOUT)
        finally:
            logging.cancel()
            probing.cancel()
        return code

    async def _probe(self, port: int) -> None:
        """Follow readiness, and kill a process that does not respond any more."""
        liveness_deadline = time.monotonic() + self._timeouts.startup_timeout
        failures = 0
        while not self.is_stopping:
            probed = time.monotonic()
            result = await self._program.probe(port, timeout=self._timeouts.probe_timeout)
            if result.alive:
                liveness_deadline = time.monotonic() + self._timeouts.liveness_timeout
            failures = 0 if result.ready else failures + 1
            if result.ready:
                self._become_ready()
            elif failures >= self._timeouts.failure_threshold and self.state is State.READY:
                self._become_unready(result.reason)
            if time.monotonic() > liveness_deadline:
                self._emit_failure("answers nothing any more: killed")
                self.kill()
                return
            is_ready = self.state is State.READY
            interval = self._timeouts.probe_interval if is_ready else STARTUP_PROBE_INTERVAL
            await asyncio.sleep(max(0.0, probed + interval - time.monotonic()))

    def _become_ready(self) -> None:
        if self.is_stopping or self.state is State.READY:
            return
        again = "" if self.state is State.STARTING else " again"
        took = time.monotonic() - self.state_since
        self._set_state(State.READY)
        self._events.emit(
            "success", self.name, f"ready{again} on port {self.port} after {took:.1f} s"
        )
        if not self._first_ready.done():
            self._first_ready.set_result(None)

    def _become_unready(self, reason: str) -> None:
        self._set_state(State.NOT_READY)
        detail = f" ({reason})" if reason else ""
        self._events.emit("pending", self.name, f"is not ready: takes no requests{detail}")

    async def _back_off(self, ending: int | str, *, uptime: float) -> None:
        if uptime >= self._timeouts.backoff_reset_after:
            self._backoff = self._timeouts.initial_backoff
        delay = self._backoff
        self._backoff = min(2 * delay, self._timeouts.max_backoff)
        self.restarts += 1
        self._set_state(State.CRASHED)
        # A process that was killed by a signal has printed no reason.
        if self.log.tail and isinstance(ending, int) and ending > 0:
            self._emit_failure(self.log.tail[-1])
        self._emit_failure(f"{_describe_ending(ending)}: {State.CRASHED}, again in {delay:g} s")
        try:
            await asyncio.wait_for(self._stopping.wait(), delay)
        except TimeoutError:
            return

    def _emit_failure(self, message: str) -> None:
        self._events.emit("failure", self.name, message)

    def _set_state(self, state: State) -> None:
        if state is not self.state:
            if State.READY in (state, self.state):
                self.readiness_changed_at = time.time()
            self.state = state
            self.state_since = time.monotonic()
            self._on_change()


def _describe_ending(ending: int | str) -> str:
    if isinstance(ending, str):
        return ending
    if ending < 0:
        return f"was ended by {signal.Signals(-ending).name}"
    return f"exited with code {ending}"
