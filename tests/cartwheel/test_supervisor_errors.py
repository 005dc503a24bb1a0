"""Who watches is watched: mistakes of the supervisor's own are told, and stop nothing."""

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
from cartwheel.local.child_processes import Processes
from cartwheel.local.control_socket import Message, ask, serving
from cartwheel.local.events import Kind
from cartwheel.local.replica import Condition, Replica, State, Timeouts
from cartwheel.local.replica_log import ReplicaLog
from tests.cartwheel.conftest import Start
from tests.cartwheel.supervisor_process import Run, eventually
from tests.support.waiting import until

TIMEOUTS = Timeouts(probe_every=0.05, first_back_off=0.05)


class Sleeper:
    """A program that is ready at once, unless it is told to fail first."""

    stop_with = signal.SIGTERM

    def __init__(self) -> None:
        self.processes = Processes()
        self.at_start: list[Exception] = []
        self.when_asked: list[Exception] = []

    async def start(self, _: str) -> tuple[Process, int]:
        if self.at_start:
            raise self.at_start.pop()
        process = await self.processes.start(sys.executable, "-c", "import time; time.sleep(60)")
        return process, 1

    async def condition(self, _: int, *, timeout: float) -> Condition:
        if self.when_asked:
            raise self.when_asked.pop()
        return Condition(alive=True, ready=True)


class Told(list[str]):
    def tell(self, _: Kind, subject: str, what: str) -> None:
        self.append(f"{subject} {what}")


def replica_of(program: Sleeper, told: Told, folder: Path) -> Replica:
    log = ReplicaLog(folder / "log", on_error=print, tell=print)
    return Replica("cart-1", program=program, log=log, events=told, timeouts=TIMEOUTS)


async def test_a_mistake_while_watching_is_told_and_the_watch_goes_on(tmp_path: Path) -> None:
    program, told = Sleeper(), Told()
    program.when_asked = [KeyError("wheel")]
    replica = replica_of(program, told, tmp_path)
    assert await replica.wait_ready(10)
    assert replica.restarts == 0
    assert any(
        "watching it failed (KeyError: 'wheel' in test_supervisor_errors" in one for one in told
    )
    await replica.stop(grace=5)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "could not be started (Too many open files"),
        (ValueError("odd"), "could not be started (ValueError: odd in test_supervisor_errors"),
    ],
)
async def test_a_start_that_fails_is_told_and_tried_again(
    tmp_path: Path, failure: Exception, words: str
) -> None:
    program, told = Sleeper(), Told()
    program.at_start = [failure]
    replica = replica_of(program, told, tmp_path)
    assert await replica.wait_ready(10)
    assert replica.restarts == 1
    assert any(words in one and "again in 0.05 s" in one for one in told)
    await replica.stop(grace=5)
    assert replica.state is State.STOPPED


async def test_after_everything_was_ended_nothing_is_started(tmp_path: Path) -> None:
    program, told = Sleeper(), Told()
    replica = replica_of(program, told, tmp_path)
    assert await replica.wait_ready(10)
    program.processes.kill_all()

    async def refused() -> bool:
        return any("could not be started (Cartwheel is stopping" in one for one in told)

    await until(refused)
    await replica.stop(grace=5)


async def test_a_command_that_fails_is_told_as_every_error_of_our_own(tmp_path: Path) -> None:
    told: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: told.append(context["exception"])
    )

    async def fail(_: Message) -> Message:
        raise KeyError("wheel")

    path = tmp_path / "control.sock"
    async with serving(path, fail):
        with pytest.raises(CommandError, match="its terminal shows why"):
            await asyncio.to_thread(ask, path, {"command": "scale"}, timeout=10)
    assert [repr(error) for error in told] == ["KeyError('wheel')"]


def test_a_second_ctrl_c_ends_even_a_start_at_once(start: Start) -> None:
    run = start("-m", "cartwheel", "up")
    family = eventually(run.family)
    run.process.send_signal(signal.SIGINT)
    run.process.send_signal(signal.SIGINT)
    assert run.exit_code(within=10) in (0, 128 + signal.SIGINT)
    eventually(lambda: not any(process.is_running() for process in family) or None, within=5)
    assert "Traceback" not in run.output


def test_a_second_ctrl_c_ends_a_supervisor_that_hangs(start: Start) -> None:
    run = start().ready()
    family = [psutil.Process(replica["pid"]) for replica in run.replicas()]
    # Whoever writes to a pipe that nobody reads waits for ever, as on a network drive.
    os.mkfifo(run.state / "endpoints" / "cart.new")
    family[0].kill()
    # The supervisor notices the death, and then no more.
    eventually(lambda: _hangs(run))
    run.process.send_signal(signal.SIGINT)
    # Signals that are sent together are one.
    eventually(lambda: not _pending(run.process.pid))
    run.process.send_signal(signal.SIGINT)
    assert run.exit_code(within=10) == 128 + signal.SIGINT
    eventually(lambda: not any(process.is_running() for process in family) or None, within=5)


def _hangs(run: Run) -> bool:
    try:
        ask(run.state / "control.sock", {"command": "status"}, timeout=1.0)
    except CommandError:
        return True
    return False


def _pending(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    pending = next(line for line in status.splitlines() if line.startswith("ShdPnd"))
    return int(pending.split()[1], 16) != 0
