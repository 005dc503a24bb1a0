"""Start, refused start, and stop of the shop."""

import os
import pty
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.cartwheel.conftest import Start
from tests.cartwheel.supervisor_process import (
    ROOT,
    SAMPLE_SHOP,
    SupervisorProcess,
    command,
    environment,
    eventually,
)

# On an idle machine three seconds are promised; tests share theirs.
STOPS_WITHIN = 6.0


def refused(run: SupervisorProcess) -> str:
    """The one-line message of a start that is refused with exit code 2."""
    assert run.exit_code() == 2
    sentence = run.output.strip()
    assert "Traceback" not in sentence
    return sentence


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_time_and_leaves_no_orphan(
    start: Start, number: signal.Signals
) -> None:
    run = start().ready()
    children = run.children()
    run.process.send_signal(number)
    asked = time.monotonic()
    assert run.exit_code() == 0
    assert time.monotonic() - asked <= STOPS_WITHIN
    # Three replicas, and on Linux the process that they were forked from.
    assert len(children) == (4 if sys.platform == "linux" else 3)
    assert not any(process.is_running() for process in children)
    assert run.output.rstrip().endswith("Stopped.")


class TerminalSession:
    """A supervisor in a terminal of its own, and the output of that terminal."""

    def __init__(self, state: Path, **more: str) -> None:
        self.output = b""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execve(sys.executable, [sys.executable, *SAMPLE_SHOP], environment(state, **more))
        self.read(until=b"Ready after")
        self.children = psutil.Process(self.pid).children(recursive=True)

    def read(self, *, until: bytes | None = None) -> None:
        """Read until this text, or until the terminal is closed."""
        with suppress(OSError):
            while until is None or until not in self.output:
                self.output += os.read(self.terminal, 4096)

    def exit_code(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def test_ctrl_c_in_a_terminal_reaches_the_supervisor_alone(tmp_path: Path) -> None:
    run = TerminalSession(tmp_path / "state")
    os.write(run.terminal, b"\x03")
    run.read()
    assert run.exit_code() == 0
    assert not any(process.is_running() for process in run.children)
    assert b"\x1b[32m" in run.output, "a terminal is shown colours"
    assert b"CrashLoopBackOff" not in run.output
    os.close(run.terminal)


def test_a_terminal_that_goes_away_takes_the_shop_with_it(tmp_path: Path) -> None:
    run = TerminalSession(tmp_path / "state", NO_COLOR="1")
    os.close(run.terminal)
    assert run.exit_code() == 0
    assert not any(process.is_running() for process in run.children)
    assert b"\x1b[3" not in run.output, "NO_COLOR is honoured"


def test_a_second_signal_ends_what_does_not_want_to_stop(start: Start) -> None:
    run = start(CARTWHEEL_SAMPLE_IGNORE_SIGTERM="true").ready()
    run.process.send_signal(signal.SIGINT)
    run.wait_for_line("stopping")
    time.sleep(0.2)  # a second Ctrl-C, before the grace period is over
    run.process.send_signal(signal.SIGINT)
    assert run.exit_code() == 0
    assert "did not stop within" not in run.output, "the grace period was not waited for"


def test_a_replica_that_does_not_want_to_stop_is_killed_in_time(start: Start) -> None:
    run = start(CARTWHEEL_SAMPLE_IGNORE_SIGTERM="true").ready()
    asked = time.monotonic()
    run.process.send_signal(signal.SIGINT)
    assert run.exit_code() == 0
    assert time.monotonic() - asked <= STOPS_WITHIN
    assert "did not stop within" in run.output


def test_replicas_do_not_outlive_a_killed_supervisor_and_the_next_takes_over(start: Start) -> None:
    run = start().ready()
    children = run.children()
    run.process.kill()
    run.process.wait()
    eventually(lambda: not any(process.is_running() for process in children) or None)
    assert (run.state / "supervisor.pid").read_text() == str(run.process.pid)
    again = start().ready()
    assert again.replicas("cart")


def test_down_stops_the_shop_from_another_terminal(start: Start) -> None:
    run = start().ready()
    done = run.command("down")
    assert done.returncode == 0
    assert done.stdout.startswith("Stopped in ")
    assert run.exit_code(within=STOPS_WITHIN) == 0


@pytest.mark.parametrize("arguments", [("down",), ("status",), ("scale", "cart", "2")])
def test_with_nothing_running_a_command_says_so(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = command(tmp_path, *arguments)
    assert done.returncode == 1
    assert "Nothing runs in" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("scale", "hats", "2"), "There is no service 'hats': choose products, cart"),
        (("restart", "hats"), "There is no service 'hats': choose products, cart"),
        (("scale", "cart", "99"), "99 replicas are not possible: choose 0 to 32."),
        (("scale", "cart", "-1"), "-1 replicas are not possible: choose 0 to 32."),
    ],
)
def test_with_nothing_running_wrong_usage_still_comes_first(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = command(tmp_path, *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_second_start_in_the_same_folder_is_refused_with_the_pid(start: Start) -> None:
    run = start().ready()
    sentence = refused(start())
    assert f"already runs in {run.state} (pid {run.process.pid})" in sentence
    assert "\n" not in sentence
    assert run.endpoints("cart"), "the first is not disturbed"


def test_a_taken_port_names_its_holder_and_the_setting(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refused(start(CARTWHEEL_PORT_CART=str(port)))
    assert f"Port {port} for cart is taken by" in sentence
    assert f"(pid {os.getpid()})" in sentence
    assert "--port-cart or CARTWHEEL_PORT_CART" in sentence
    assert "\n" not in sentence


def test_a_state_folder_that_cannot_be_written_is_one_sentence(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    sentence = refused(start(state=tmp_path / "file" / "state"))
    assert "cannot be used" in sentence
    assert "--state-dir" in sentence
    assert "\n" not in sentence


def test_a_state_folder_may_lie_deeper_than_a_socket_can_be_named(
    start: Start, tmp_path: Path
) -> None:
    run = start(state=tmp_path / ("d" * 100) / ("e" * 100)).ready()
    assert run.command("status").returncode == 0


def test_a_wrong_setting_of_the_run_names_the_variable(start: Start) -> None:
    sentence = refused(start(CARTWHEEL_STORES="paper"))
    assert sentence.startswith("CARTWHEEL_STORES:")
    assert "sqlite" in sentence
    assert "\n" not in sentence


def test_wrong_settings_of_a_service_stop_the_start_all_at_once(start: Start) -> None:
    run = start(CARTWHEEL_SAMPLE_COLOUR="blue", CARTWHEEL_LOG_LEVEL="loud")
    refused(run)
    *_, first, second = sorted(run.output.splitlines())
    assert first.startswith("CARTWHEEL_LOG_LEVEL:")
    assert second.startswith("CARTWHEEL_SAMPLE_COLOUR:")
    assert "CrashLoopBackOff" not in run.output


def test_a_service_that_cannot_start_is_shown_with_its_reason(start: Start) -> None:
    run = start(CARTWHEEL_SAMPLE_CRASH_AT_START="true")
    run.wait_for_line("✗ cart-.*cannot start at all")
    run.wait_for_line("✗ cart-.*exited with code 1: CrashLoopBackOff, again in 0.5 s")
    run.process.send_signal(signal.SIGINT)
    assert run.exit_code(within=STOPS_WITHIN) == 0


def test_real_stores_are_started_migrated_and_stopped() -> None:
    # Not pytest's folder: under root, the user that runs Postgres has no access to it.
    with tempfile.TemporaryDirectory(prefix="cartwheel-") as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "state"
        first = command(state, "migrate", "--stores", "real")
        assert first.returncode == 0, first.stderr
        assert "tracking 0.0 →" in first.stdout
        second = command(state, "migrate", "--stores", "real")
        assert "nothing to do" in second.stdout, "what was stored stayed"
        everybody = psutil.process_iter(["cmdline"])
        assert not [one for one in everybody if folder in str(one.info["cmdline"])]


def test_an_empty_folder_of_postgres_is_one_to_be_made() -> None:
    with tempfile.TemporaryDirectory(prefix="cartwheel-") as folder:
        Path(folder).chmod(0o755)
        state = Path(folder) / "state"
        (state / "postgres").mkdir(parents=True)
        migrated = command(state, "migrate", "--stores", "real")
        assert migrated.returncode == 0, migrated.stderr


def test_migrate_and_seed_fill_the_files_of_a_shop_that_does_not_run(tmp_path: Path) -> None:
    seeded = command(tmp_path, "seed")
    assert seeded.returncode == 0, seeded.stderr
    assert "goods added" in seeded.stdout
    assert "nothing to do" in command(tmp_path, "migrate").stdout


def test_the_real_shop_starts_with_one_command(start: Start) -> None:
    run = start("-m", "cartwheel", "up").ready()
    ready = {one["service"]: one["ready"] for one in run.status()["services"]}
    assert ready == {"products": 1, "cart": 2, "user": 1, "tracking": 1, "storefront": 1}
    run.process.send_signal(signal.SIGINT)
    assert run.exit_code(within=STOPS_WITHIN) == 0


def test_a_python_that_is_too_old_is_one_clear_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.10.13 && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["sh", "cartwheel/create_venv.sh", str(tmp_path / "venv"), "runtime"],
        cwd=ROOT,
        env={**os.environ, "PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "needs Python 3.11 or newer and found Python 3.10.13" in done.stderr
    assert done.stderr.count("\n") == 1
