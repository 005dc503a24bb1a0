"""Internal errors of the supervisor are reported and stop nothing."""

import asyncio
import errno
import os
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path

import psutil
import pytest

from cartwheel.errors import CommandError
from cartwheel.local.child_processes import ChildProcesses
from cartwheel.local.control_socket import Message, send_command, serve_control_socket
from cartwheel.local.events import EventKind
from cartwheel.local.program import ProbeResult
from cartwheel.local.replica_log import ReplicaLog
from cartwheel.local.replica_process import Replica, State
from cartwheel.local.timeouts import Timeouts
from tests.cartwheel.conftest import Start
from tests.cartwheel.supervisor_process import SupervisorProcess, eventually
from tests.support.waiting import until

TIMEOUTS = Timeouts(probe_interval=0.05, initial_backoff=0.05)


class Sleeper:
    """A program that is ready at once, unless it has an error to raise first."""

    stop_signal = signal.SIGTERM

    def __init__(self) -> None:
        self.processes = ChildProcesses()
        self.start_errors: list[Exception] = []
        self.probe_errors: list[Exception] = []

    async def start(self, _: str) -> tuple[Process, int]:
        if self.start_errors:
            raise self.start_errors.pop()
        process = await self.processes.start(sys.executable, "-c", "import time; time.sleep(60)")
        return process, 1

    async def probe(self, _: int, *, timeout: float) -> ProbeResult:
        if self.probe_errors:
            raise self.probe_errors.pop()
        return ProbeResult(alive=True, ready=True)


class RecordedEvents(list[str]):
    def emit(self, _: EventKind, subject: str, message: str) -> None:
        self.append(f"{subject} {message}")


def replica_of(program: Sleeper, events: RecordedEvents, folder: Path) -> Replica:
    log = ReplicaLog(folder / "log", on_error=print, emit=print)
    return Replica("cart-1", program=program, log=log, events=events, timeouts=TIMEOUTS)


async def test_an_error_while_probing_is_reported_and_probing_goes_on(tmp_path: Path) -> None:
    program, events = Sleeper(), RecordedEvents()
    program.probe_errors = [KeyError("wheel")]
    replica = replica_of(program, events, tmp_path)
    assert await replica.wait_ready(10)
    assert replica.restarts == 0
    assert any(
        "watching it failed (KeyError: 'wheel' in test_supervisor_errors" in one for one in events
    )
    await replica.stop(grace_period=5)


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "could not be started (Too many open files"),
        (ValueError("odd"), "could not be started (ValueError: odd in test_supervisor_errors"),
    ],
)
async def test_a_start_that_fails_is_reported_and_retried(
    tmp_path: Path, failure: Exception, message: str
) -> None:
    program, events = Sleeper(), RecordedEvents()
    program.start_errors = [failure]
    replica = replica_of(program, events, tmp_path)
    assert await replica.wait_ready(10)
    assert replica.restarts == 1
    assert any(message in one and "again in 0.05 s" in one for one in events)
    await replica.stop(grace_period=5)
    assert replica.state is State.STOPPED


async def test_after_everything_was_ended_nothing_is_started(tmp_path: Path) -> None:
    program, events = Sleeper(), RecordedEvents()
    replica = replica_of(program, events, tmp_path)
    assert await replica.wait_ready(10)
    program.processes.kill_all()

    async def refused() -> bool:
        return any("could not be started (Cartwheel is stopping" in one for one in events)

    await until(refused)
    await replica.stop(grace_period=5)


async def test_a_command_that_fails_is_reported_like_every_internal_error(tmp_path: Path) -> None:
    errors: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: errors.append(context["exception"])
    )

    async def fail(_: Message) -> Message:
        raise KeyError("wheel")

    path = tmp_path / "control.sock"
    async with serve_control_socket(path, fail):
        with pytest.raises(CommandError, match="its terminal shows why"):
            await asyncio.to_thread(send_command, path, {"command": "scale"}, timeout=10)
    assert [repr(error) for error in errors] == ["KeyError('wheel')"]


def test_a_second_ctrl_c_ends_even_a_start_at_once(start: Start) -> None:
    run = start("-m", "cartwheel", "up")
    children = eventually(run.children)
    run.process.send_signal(signal.SIGINT)
    run.process.send_signal(signal.SIGINT)
    assert run.exit_code(within=10) in (0, 128 + signal.SIGINT)
    eventually(lambda: not any(process.is_running() for process in children) or None, within=5)
    assert "Traceback" not in run.output


def test_a_second_ctrl_c_ends_a_supervisor_that_hangs(start: Start) -> None:
    run = start().ready()
    children = [psutil.Process(replica["pid"]) for replica in run.replicas()]
    # Opening a pipe without a reader blocks for ever, like a network drive that hangs.
    os.mkfifo(run.state / "endpoints" / "cart.new")
    children[0].kill()
    # The supervisor notices the death and blocks on the pipe.
    eventually(lambda: _hangs(run))
    run.process.send_signal(signal.SIGINT)
    eventually(lambda: _is_ended_by_ctrl_c(run), within=10)
    assert run.exit_code(within=10) == 128 + signal.SIGINT
    eventually(lambda: not any(process.is_running() for process in children) or None, within=5)


def _hangs(run: SupervisorProcess) -> bool:
    try:
        send_command(run.state / "control.sock", {"command": "status"}, timeout=1.0)
    except CommandError:
        return True
    return False


def _is_ended_by_ctrl_c(run: SupervisorProcess) -> bool:
    """Again until it is: one that comes before Python has handled the last counts as the same."""
    run.process.send_signal(signal.SIGINT)
    return run.process.poll() is not None
