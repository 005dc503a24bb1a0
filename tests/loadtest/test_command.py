"""`python -m loadtest`, and the acceptance that a cluster runs."""

import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from tests.loadtest.shops import shop

ROOT = Path(__file__).parents[2]


def load(*arguments: str, module: str = "loadtest") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("target", ["http://127.0.0.1:1", "nonsense", "http://[bad"])
def test_nobody_to_talk_to_is_one_sentence(target: str) -> None:
    done = load("--target", target)
    assert done.returncode == 2
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"Nothing answers at {target}: start the shop")


def test_somebody_else_at_the_target_is_one_sentence() -> None:
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
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["requests", "failed", "p50", "p95", "p99"]
    assert any(line.startswith("GET /api/products/v1/products/{sku}") for line in lines)
    assert 40 <= int(lines[-1].split()[1]) <= 60


def test_errors_of_the_shop_are_counted_and_are_the_exit_code() -> None:
    with shop(status=500) as target:
        done = load("--target", target, "--scenario", "browse", "--rate", "20", "--seconds", "1")
    assert done.returncode == 1
    _, sent, failed, *_ = done.stdout.splitlines()[-1].split()
    assert sent == failed


def test_the_acceptance_names_the_step_that_failed() -> None:
    with shop() as target:
        done = load("--target", target, module="loadtest.acceptance")
    assert done.returncode == 1
    assert done.stdout == "not all right: POST /api/user/v1/users answered 501\n"
