"""`python -m loadtest`, and the acceptance test."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from threading import Thread

import pytest

from loadtest.figures import Figures, Total, from_line
from tests.loadtest.fake_shop import shop

ROOT = Path(__file__).parents[2]
FULL_DISK = Path("/dev/full")


def load(
    *arguments: str, module: str = "loadtest", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_no_server_at_the_target_is_one_line() -> None:
    done = load("--target", "http://127.0.0.1:1")
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("Nothing responds at http://127.0.0.1:1: start the shop")


@contextmanager
def started(*arguments: str, stdin: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """The load in the background; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", "loadtest", *arguments],
        cwd=ROOT,
        stdin=stdin,
        stdout=PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("target", ["nonsense", "http://[bad", "https://127.0.0.1:8080"])
def test_what_is_no_target_is_one_line(target: str) -> None:
    done = load("--target", target)
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"{target} is not a target: write the URL of the shop")


def test_another_server_at_the_target_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:

        def answer() -> None:
            connection, _ = stranger.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

        Thread(target=answer, daemon=True).start()
        done = load("--target", f"http://127.0.0.1:{stranger.getsockname()[1]}")
    assert done.returncode == 2
    assert "is not the shop" in done.stderr


@pytest.mark.parametrize(
    "flags", [("--rate", "0"), ("--rate", "1e9"), ("--seconds", "-1"), ("--rate", "nan")]
)
def test_load_without_bounds_is_refused(flags: tuple[str, str]) -> None:
    done = load(*flags)
    assert done.returncode == 2
    assert f"{flags[0]} must be more than 0 and at most" in done.stderr


def test_a_run_ends_with_a_table_by_route() -> None:
    with shop() as target:
        done = load("--target", target, "--scenario", "browse", "--rate", "50", "--seconds", "1")
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    assert first.startswith(f"50 requests a second for 1 s to {target}: browse")
    assert lines[0].split() == ["requests", "failed", "p50", "p95", "p99"]
    assert any(line.startswith("GET /api/products/v1/products/{sku}") for line in lines)
    assert 40 <= int(lines[-1].split()[1]) <= 60


def test_stages_follow_one_another_and_all_figures_are_json_lines() -> None:
    with shop() as target:
        stages = ("--stages", "1s:40..60,0.5s:20")
        done = load("--target", target, "--scenario", "browse", *stages, "--figures")
    assert done.returncode == 0, done.stderr
    *seconds, total = map(from_line, done.stdout.splitlines())
    assert isinstance(total, Total)
    assert 50 <= total.sent + total.missed <= 62
    assert sum(one.due for one in seconds if isinstance(one, Figures)) == total.sent + total.missed


def test_wrong_stages_are_named() -> None:
    done = load("--stages", "30s")
    assert done.returncode == 2
    assert "--stages: '30s' is not a stage: write DURATION:RATE" in done.stderr


def test_an_interrupt_ends_the_load_with_the_figures_so_far() -> None:
    with (
        shop() as target,
        started("--target", target, "--scenario", "browse", "--figures") as process,
    ):
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        *_, total = process.stdout.read().splitlines()
    assert isinstance(from_line(total), Total)


def test_a_second_interrupt_waits_for_no_response() -> None:
    with (
        shop(is_open=False) as target,
        started("--target", target, "--scenario", "browse", "--figures") as process,
    ):
        assert process.stdout is not None
        waiting = from_line(process.stdout.readline())
        assert isinstance(waiting, Figures)
        assert waiting.in_flight
        process.send_signal(signal.SIGINT)
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        *_, total = process.stdout.read().splitlines()
    assert isinstance(from_line(total), Total)


FOLLOWING = ("--scenario", "browse", "--figures", "--follow-stdin", "--rate", "20")


def test_the_load_changes_as_lines_on_stdin_say() -> None:
    with shop() as target, started("--target", target, *FOLLOWING, stdin=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.write('nonsense\n{"stages": "0.5s:200"}\n')
        process.stdin.flush()
        before, *after, total = map(from_line, process.stdout.read().splitlines())
    assert isinstance(total, Total)
    assert isinstance(before, Figures)
    assert before.due <= 20
    assert 95 <= sum(one.due for one in after if isinstance(one, Figures)) <= 105


def test_the_end_of_stdin_ends_the_load_and_waits_for_no_response() -> None:
    with (
        shop(is_open=False) as target,
        started("--target", target, *FOLLOWING, stdin=PIPE) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.close()
        *_, total = process.stdout.read().splitlines()
    assert isinstance(from_line(total), Total)


def test_only_a_pipe_can_be_followed() -> None:
    done = load("--follow-stdin")
    assert done.returncode == 2
    assert "--follow-stdin reads from a pipe" in done.stderr


def test_errors_of_the_shop_are_counted_and_are_the_exit_code() -> None:
    with shop(status=500) as target:
        done = load("--target", target, "--scenario", "browse", "--rate", "20", "--seconds", "1")
    assert done.returncode == 1
    _, sent, failed, *_ = done.stdout.splitlines()[-1].split()
    assert sent == failed


@pytest.mark.skipif(not FULL_DISK.exists(), reason="there is no device that is always full")
def test_a_history_that_cannot_be_written_ends_the_load_with_one_line() -> None:
    with shop() as target:
        done = load("--target", target, "--rate", "20", "--history", str(FULL_DISK))
    assert done.returncode == 3
    assert done.stderr == "/dev/full could not be written (No space left on device).\n"


def test_the_acceptance_names_the_step_that_failed() -> None:
    with shop() as target:
        done = load("--target", target, module="loadtest.acceptance")
    assert done.returncode == 1
    assert done.stdout == "not all right: POST /api/user/v1/users answered 501\n"


def test_a_proxy_in_the_environment_is_not_used_for_the_shop() -> None:
    # Nothing listens there: a request through this proxy would fail.
    names = ("HTTP_PROXY", "http_proxy", "ALL_PROXY")
    proxy = {**dict.fromkeys(names, "http://127.0.0.1:1"), "NO_PROXY": "", "no_proxy": ""}
    with shop() as target:
        loaded = load("--target", target, "--scenario", "browse", "--seconds", "0.5", **proxy)
        accepted = load("--target", target, module="loadtest.acceptance", **proxy)
    assert loaded.returncode == 0, loaded.stderr
    assert accepted.stdout == "not all right: POST /api/user/v1/users answered 501\n"
