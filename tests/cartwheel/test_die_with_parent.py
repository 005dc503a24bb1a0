"""No child process outlives its supervisor, whenever and however that dies."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from cartwheel.local.child_processes import DIE_WITH_PARENT
from tests.cartwheel.supervisor_process import ROOT, environment, eventually

UP = (sys.executable, "-m", "cartwheel", "up")
# The supervisor is killed when it has this many children: first store processes and migrations
# one by one, then the replicas and the seed in parallel, while they start.
MOMENTS = {"sqlite": (1, 5), "real": (1, 2, 3, 8)}
SLEEP = ("/bin/sleep", "600")


def session_of(leader: int) -> list[psutil.Process]:
    """Every process of a session except its leader, whatever its parent is now."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != leader and os.getsid(process.pid) == leader:
                found.append(process)
        except (ProcessLookupError, PermissionError):
            continue
    return [one for one in found if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's folder: under root, the user that runs Postgres has no access to it."""
    with tempfile.TemporaryDirectory(prefix="cartwheel-", ignore_cleanup_errors=True) as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.mark.parametrize("stores", MOMENTS)
def test_a_supervisor_killed_at_any_moment_of_its_start_leaves_no_process(
    folder: Path, stores: str
) -> None:
    for moment in MOMENTS[stores]:
        supervisor = subprocess.Popen(
            UP,
            cwd=ROOT,
            env=environment(folder / "state", CARTWHEEL_STORES=stores),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            eventually(lambda one=supervisor, count=moment: _reached(one, count) or None)
        finally:
            supervisor.kill()
            supervisor.wait()
        eventually(lambda pid=supervisor.pid: not session_of(pid), within=1.5)
        eventually(lambda: not _of_postgres(folder), within=5.0)


def _reached(supervisor: "subprocess.Popen[bytes]", count: int) -> bool:
    assert supervisor.poll() is None, "what was left of the one before is in its way"
    return len(session_of(supervisor.pid)) >= count


def _of_postgres(folder: Path) -> list[psutil.Process]:
    # Postgres starts its children in sessions of their own.
    everybody = psutil.process_iter(["cmdline"])
    return [one for one in everybody if str(folder) in " ".join(one.info["cmdline"] or ())]


def launch(parent: int, lifeline: int, program: Sequence[str]) -> subprocess.Popen[bytes]:
    words = [str(word) for word in (parent, lifeline, -1, -1, -1)]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(DIE_WITH_PARENT), *words, *program],
        pass_fds=[lifeline] if lifeline >= 0 else [],
        stdout=subprocess.PIPE,
        process_group=0,
    )


def test_a_child_whose_parent_has_died_before_it_starts_does_not_run() -> None:
    dead = subprocess.Popen(["/bin/true"])
    dead.wait()
    child = launch(dead.pid, -1, SLEEP)
    assert child.wait(10) == 1
    child.communicate()


def test_without_parent_death_signals_the_end_of_a_pipe_ends_the_child() -> None:
    lifeline, held = os.pipe()
    child = launch(os.getpid(), lifeline, SLEEP)
    os.close(lifeline)
    became = eventually(lambda: psutil.Process(child.pid).cmdline() == list(SLEEP), within=10)
    assert became
    watcher = psutil.Process(child.pid).children()
    assert len(watcher) == 1
    os.close(held)
    assert child.wait(10) == -signal.SIGKILL
    assert child.communicate()[0] == b"", "no process holds its output open"
    eventually(lambda: not watcher[0].is_running() or None, within=10)


def test_the_watcher_of_the_pipe_ends_with_the_child() -> None:
    lifeline, held = os.pipe()
    child = launch(os.getpid(), lifeline, SLEEP)
    os.close(lifeline)
    eventually(lambda: psutil.Process(child.pid).cmdline() == list(SLEEP), within=10)
    watcher = psutil.Process(child.pid).children()[0]
    child.kill()
    child.communicate()
    eventually(lambda: not watcher.is_running() or None, within=10)
    os.close(held)
