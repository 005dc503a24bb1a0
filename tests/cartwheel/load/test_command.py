"""`cartwheel load` in front of a small shop."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.loadtest.fake_shop import shop

ROOT = Path(__file__).parents[3]
QUICK = ("--scenario", "browse", "--rate", "50", "--seconds", "1")


def start(state: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cartwheel", "load", "--state-dir", str(state), *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def load(state: Path, *arguments: str) -> tuple[int, Sequence[str], str]:
    """Exit code, lines and error of a load."""
    process = start(state, *arguments)
    output, error = process.communicate(timeout=60)
    return process.returncode, output.splitlines(), error


def test_each_expectation_is_printed_with_its_figure_and_sets_the_exit_code(
    tmp_path: Path,
) -> None:
    with shop() as target:
        met = load(tmp_path, "--target", target, *QUICK, "--expect", "failed=0,p50<5s")
        missed = load(tmp_path, "--target", target, *QUICK, "--expect", "failed=0,rate>1000")
    assert met[0] == 0, met[2]
    assert "✓ failed=0: 0" in met[1]
    assert missed[0] == 1
    assert "✓ failed=0: 0" in missed[1]
    assert any(line.startswith("✗ rate>1000: ") for line in missed[1])
    assert missed[1][-1].startswith("Try next: ")


def test_without_expectations_a_failure_is_the_exit_code(tmp_path: Path) -> None:
    with shop(status=503) as target:
        code, lines, _ = load(tmp_path, "--target", target, *QUICK)
    assert code == 1
    assert any("status 503" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--stages", "30x:5"), "--stages: '30x:5' is not a stage: write DURATION:RATE"),
        (("--stages", "3s:5", "--rate", "5"), "omit --rate and --seconds"),
        (("--rate", "0"), "--rate must be more than 0 and at most"),
        (("--seconds", "1e9"), "--seconds must be more than 0 and at most 3600"),
        (("--scenario", "steal"), "There is no scenario 'steal': choose browse"),
        (("--shoppers", "0"), "--shoppers must be from 1 to"),
        (("--expect", "p97<5ms"), "--expect: 'p97<5ms' is no expectation. Expect p50, p95"),
        (("--expect", "replicas>=5"), "replicas are known only of the shop of cartwheel up"),
        (("--html", "/no/such/folder/load.html"), "/no/such/folder/load.html cannot be written"),
        (("--target", "nonsense"), "nonsense is not a target: write the URL of the shop"),
        (("--target", "http://127.0.0.1:1"), "Nothing answers at http://127.0.0.1:1"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, arguments: Sequence[str], error: str) -> None:
    code, _, errors = load(tmp_path, *arguments)
    assert code == 2
    (line,) = errors.splitlines()
    assert error in line


def test_an_interrupt_ends_it_with_the_figures_so_far(tmp_path: Path) -> None:
    with shop() as target:
        stages = ("--stages", "50s:20")
        process = start(tmp_path, "--target", target, "--scenario", "browse", *stages)
        assert process.stdout is not None
        for line in process.stdout:
            if "asked" in line:
                break
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert "together" in output
