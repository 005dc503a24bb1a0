"""Replicas that are forked from a process which has imported their code."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from cartwheel.local.child_processes import Child, ChildProcesses
from cartwheel.local.sockets import listen_on_free_port
from cartwheel.local.warm_start import WarmStart, modules_to_import
from tests.cartwheel.supervisor_process import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="replicas are forked on Linux only")

MODULE = "warm_start_sample"
PRINTS_AND_EXITS = """
import os, random, sys
def create():
    print({what})
    sys.exit(3)
"""
RUNS = """
import time
def create():
    print("runs", flush=True)
    time.sleep(60)
"""


@dataclass
class Reports:
    """The events that were emitted."""

    messages: list[str] = field(default_factory=list)

    def emit(self, _kind: str, _subject: str, message: str) -> None:
        self.messages.append(message)


@dataclass
class Warm:
    """A warm parent that has imported `MODULE`, which a test writes."""

    start: WarmStart
    processes: ChildProcesses
    reports: Reports
    replicas: list[Child] = field(default_factory=list)

    async def replica(self, **environment: str) -> Child | None:
        with listen_on_free_port() as own:
            replica = await self.start.start(
                f"{MODULE}:create", environment=environment, own=own, shared=()
            )
        self.replicas += [replica] if replica else []
        return replica

    async def close(self) -> None:
        self.processes.kill_all()
        await self.start.close()
        for replica in self.replicas:
            assert replica.stdout is not None
            await replica.stdout.read()
            await replica.wait()

    async def run(self, **environment: str) -> tuple[int, str]:
        """Start a replica that ends by itself; its exit code and output."""
        replica = await self.replica(**environment)
        assert replica is not None, self.reports.messages
        assert replica.stdout is not None
        output = await replica.stdout.read()
        return await replica.wait(), output.decode().strip()

    @property
    def parent(self) -> psutil.Process:
        """The process that forks; a replica has its command line until it has its own."""
        replicas = {replica.pid for replica in self.replicas}
        (parent,) = (
            child
            for child in psutil.Process().children()
            if child.pid not in replicas and "cartwheel.local.warm_parent" in child.cmdline()
        )
        return parent


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of `MODULE`."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / f"{MODULE}.py"


@asynccontextmanager
async def warm(
    modules: Sequence[str] = ("app.server", MODULE), *, launch_interval: float = 0.0
) -> AsyncIterator[Warm]:
    processes, reports = ChildProcesses(), Reports()
    start = WarmStart(modules, processes=processes, events=reports, launch_interval=launch_interval)
    await start.launch()
    started = Warm(start, processes, reports)
    try:
        yield started
    finally:
        await started.close()


async def test_output_and_exit_code_of_a_replica_reach_its_supervisor(code: Path) -> None:
    code.write_text(PRINTS_AND_EXITS.format(what="os.environ['COLOUR'], len(os.environ)"))
    async with warm() as started:
        assert await started.run(COLOUR="red") == (3, "red 1")


async def test_a_traceback_of_a_replica_reaches_its_supervisor(code: Path) -> None:
    code.write_text("def create():\n    raise RuntimeError('a broken wheel')\n")
    async with warm() as started:
        exit_code, output = await started.run()
    assert exit_code == 1
    assert output.endswith("RuntimeError: a broken wheel")


async def test_replicas_share_no_random_numbers(code: Path) -> None:
    code.write_text(PRINTS_AND_EXITS.format(what="random.random()"))
    async with warm() as started:
        _, first = await started.run()
        _, second = await started.run()
    assert first != second


async def test_a_replica_runs_the_code_on_disk(code: Path) -> None:
    code.write_text(PRINTS_AND_EXITS.format(what="'old'"))
    async with warm() as started:
        assert (await started.run())[1] == "old"
        parent = started.parent.pid
        code.write_text(PRINTS_AND_EXITS.format(what="'new code'"))
        assert (await started.run())[1] == "new code"
        assert started.parent.pid == parent


async def test_code_that_cannot_be_imported_is_left_to_an_ordinary_start(code: Path) -> None:
    code.write_text("an error of syntax")
    async with warm() as started:
        assert await started.replica() is None
        code.write_text(PRINTS_AND_EXITS.format(what="'mended'"))
        assert (await started.run())[1] == "mended"


async def test_code_that_starts_threads_is_not_forked(code: Path) -> None:
    code.write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    async with warm() as started:
        assert await started.replica() is None
        assert started.reports.messages == [
            "replicas start more slowly: the imported code runs 2 threads"
        ]


async def test_a_replica_looks_like_one_that_was_started_in_the_ordinary_way(code: Path) -> None:
    code.write_text(RUNS)
    async with warm() as started:
        replica = await started.replica()
        assert replica is not None
        assert replica.stdout is not None
        assert await replica.stdout.readline() == b"runs\n"
        process = psutil.Process(replica.pid)
        assert process.cmdline()[:4] == [sys.executable, "-m", "app.server", f"{MODULE}:create"]
        assert process.ppid() == os.getpid()
        assert os.getpgid(replica.pid) == replica.pid
        # Standard streams, its own socket, and what Python opens.
        assert process.num_fds() <= 5
        replica.send_signal(signal.SIGTERM)
        assert await replica.wait() == -signal.SIGTERM


async def test_a_parent_that_has_ended_is_launched_again_and_its_replicas_go_on(
    code: Path,
) -> None:
    code.write_text(RUNS)
    async with warm() as started:
        first = await started.replica()
        assert first is not None
        started.parent.kill()
        second = await _until_started(started)
        assert first.returncode is None
        assert psutil.Process(first.pid).ppid() == os.getpid()
        assert second.returncode is None
        assert any("ended with code -9" in one for one in started.reports.messages)


async def test_a_parent_that_ends_again_and_again_is_not_launched_each_time(code: Path) -> None:
    code.write_text("import os\nos._exit(7)\n")
    async with warm(launch_interval=60.0) as started:
        assert await started.replica() is None
        assert await started.replica() is None
        assert started.reports.messages == [
            "replicas start more slowly: the warm parent ended with code 7"
        ]


async def test_killing_everything_ends_forked_replicas_too(code: Path) -> None:
    code.write_text(RUNS)
    async with warm() as started:
        replica = await started.replica()
        assert replica is not None
        started.processes.kill_all()
        assert await replica.wait() == -signal.SIGKILL
        assert await started.replica() is None


def test_only_the_modules_of_the_stores_in_use_are_imported() -> None:
    from cartwheel.local.topology import SHOP

    modules = modules_to_import(SHOP, real_stores=False)
    assert {"services.cart.main", "app.stores.sqlite", "services.cart.repository.sqlite"} <= {
        *modules
    }
    real = modules_to_import(SHOP, real_stores=True)
    assert {"app.stores.postgres", "app.stores.valkey", "services.cart.repository.valkey"} <= {
        *real
    }
    assert not {one for one in real if "sqlite" in one}


async def _until_started(started: Warm) -> Child:
    """The death of the parent may be noticed at the first start that fails."""
    replica = await started.replica() or await started.replica()
    assert replica is not None, started.reports.messages
    eventually(lambda: psutil.Process(replica.pid).is_running())
    return replica
