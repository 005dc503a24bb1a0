"""The supervisor with a full disk, and with a terminal that accepts no output.

A disk is full for one process when its file size limit is 0: no mount, no rights needed.
"""

import fcntl
import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from cartwheel.local.state_folder import overwrite_text
from tests.cartwheel.conftest import Start
from tests.cartwheel.supervisor_process import (
    ROOT,
    SAMPLE_SHOP,
    SupervisorProcess,
    command,
    environment,
    eventually,
    running,
)

# The kernel's minimum capacity of a pipe.
MIN_PIPE_SIZE = 4096
LINES = 10_000


@contextmanager
def full_disk(run: SupervisorProcess) -> Iterator[None]:
    """During the block, no file that the supervisor writes can grow."""
    _, hard = resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        if run.process.poll() is None:
            resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SupervisorProcess]:
    """A sample shop whose output is written by another process; tests restore its disk."""
    folder = tmp_path_factory.mktemp("shop")
    with running(folder / "state", output=folder / "output", piped=True) as run:
        yield run.ready()


def chat(run: SupervisorProcess, replica: str, *, lines: int = LINES) -> None:
    """Make a replica print more than its pipe can hold; returns when it has."""
    port = run.cart(replica)["port"]
    url = f"http://127.0.0.1:{port}/v1/chat"
    answer = httpx2.post(url, params={"lines": lines}, timeout=20.0)
    assert answer.status_code == 200


def test_a_replica_goes_on_when_its_log_cannot_be_written_and_what_is_lost_is_counted(
    shop: SupervisorProcess,
) -> None:
    run, name = shop, shop.replicas()[0]["replica"]
    with full_disk(run):
        chat(run, name)
        run.wait_for_line(
            f"✗ {name} .*log cannot be written .File too large.: its lines are dropped"
        )
        chat(run, name)
        eventually(lambda: run.cart(name)["log_lines_dropped"] >= 2 * LINES)
        shown = run.command("status").stdout
        assert re.search(rf"✗ {name}: of its log, [0-9,]+ lines were dropped", shown)
    chat(run, name, lines=1)
    run.wait_for_line(f"✓ {name} .*log is written again; [0-9,]+ lines were dropped")
    assert len(re.findall(f"{name} .*its lines are dropped", run.output)) == 1
    log = (run.state / "logs" / "cart" / f"{name}.log").read_text()
    assert "log.lines_dropped" in log
    assert "chatter 0\n" in log


def test_who_became_ready_on_a_full_disk_can_be_called_when_there_is_space(
    shop: SupervisorProcess,
) -> None:
    run, victim = shop, shop.replicas()[1]["replica"]
    before = run.endpoints()
    with full_disk(run):
        run.crash(victim)
        run.wait_for_line("✗ cart .*cart.json cannot be written .File too large.: tried again")
        eventually(lambda: run.cart(victim)["state"] == "Ready")
        assert "cart.json cannot be written" in run.command("status").stdout
    run.wait_for_line("✓ cart .*cart.json is written again")
    eventually(lambda: run.endpoints() == before)
    addresses = (run.state / "endpoints" / "cart.json").read_text()
    assert f':{run.cart(victim)["port"]}"' in addresses


def test_commands_work_on_a_full_disk(start: Start) -> None:
    run = start(piped=True).ready()
    with full_disk(run):
        assert run.command("restart", "cart").returncode == 0
        assert run.command("scale", "cart", "1").returncode == 0
        assert run.command("down").returncode == 0
        assert run.exit_code() == 0


def test_ctrl_c_stops_the_shop_when_its_output_goes_to_a_full_disk(
    start: Start,
) -> None:
    run = start().ready()
    with full_disk(run):
        chat(run, run.replicas()[0]["replica"])
        run.process.send_signal(signal.SIGINT)
        assert run.exit_code() == 0


def test_a_file_is_written_over_where_there_is_no_space_for_another(tmp_path: Path) -> None:
    file = tmp_path / "cart.json"
    file.write_text("[1, 2, 3]")
    overwrite_text(file, "[4]")
    assert json.loads(file.read_text()) == [4]
    overwrite_text(file, "[1, 2, 3, 4, 5]")
    assert json.loads(file.read_text()) == [1, 2, 3, 4, 5]
    with pytest.raises(OSError, match="No space"):
        overwrite_text(file, "1" * 5000)
    assert json.loads(file.read_text()) == [1, 2, 3, 4, 5], "the old text, not a part of the new"


def test_a_start_on_a_full_disk_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", sys.executable, *SAMPLE_SHOP],
        cwd=ROOT,
        env=environment(tmp_path / "state"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "cannot be used (File too large)" in done.stderr
    assert done.stderr.count("\n") == 1
    # No half-written file is left: with free space it starts.
    assert command(tmp_path / "state", "config", "cart").returncode == 0
    assert (tmp_path / "state" / "secrets" / "cartwheel_service_tokens").read_text()


def test_a_terminal_that_takes_nothing_stops_neither_the_shop_nor_its_end(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, MIN_PIPE_SIZE)
    process = subprocess.Popen(
        [sys.executable, *SAMPLE_SHOP],
        cwd=ROOT,
        env=environment(tmp_path / "state"),
        stdin=subprocess.DEVNULL,
        stdout=writer,
    )
    os.close(writer)
    run = SupervisorProcess(process, tmp_path / "state", tmp_path / "output")
    try:
        eventually(lambda: (run.state / "control.sock").exists())
        eventually(lambda: len(run.replicas()) == 2 and run.service("cart")["ready"] == 2)
        cart = run.replicas()[0]
        for _ in range(60):  # lines of some 80 bytes
            run.post(cart, "complain")
        assert run.command("status").returncode == 0
        process.send_signal(signal.SIGINT)
        assert run.exit_code(within=10) == 0
    finally:
        process.kill()
        process.wait()
        os.close(reader)
