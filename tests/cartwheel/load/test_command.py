"""`cartwheel load` in front of a small shop."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer

from cartwheel.errors import UsageError
from cartwheel.load import command
from tests.loadtest.fake_shop import shop

ROOT = Path(__file__).parents[3]
QUICK = {"scenario": "browse", "rate": 50.0, "seconds": 0.4}


def load(state: Path, **options: Any) -> int:
    """The exit code."""
    with pytest.raises(typer.Exit) as end:
        command.load(state_dir=state, **options)
    return end.value.exit_code


def test_each_expectation_is_printed_with_its_figure_and_sets_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with shop() as target:
        assert load(tmp_path, target=target, **QUICK, expect="failed=0,longest<9s") == 0
        assert "✓ failed=0: 0" in capsys.readouterr().out
        assert load(tmp_path, target=target, **QUICK, expect="failed=0,rate>1000") == 1
    lines = capsys.readouterr().out.splitlines()
    assert "✓ failed=0: 0" in lines
    assert any(line.startswith("✗ rate>1000: ") for line in lines)
    assert lines[-1].startswith("Try next: ")


def test_without_expectations_a_failure_is_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, figures = tmp_path / "load.html", tmp_path / "load.json"
    with shop(status=503) as target:
        code = load(tmp_path, target=target, **QUICK, html_file=report, json_file=figures)
    assert code == 1
    assert "status 503" in capsys.readouterr().out
    assert report.read_text().startswith("<!doctype html>")
    assert json.loads(figures.read_text())["total"]["failures"]["503"] > 0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"stages": "30x:5"}, "--stages: '30x:5' is not a stage: write DURATION:RATE"),
        ({"stages": "3s:5", "rate": 5.0}, "omit --rate and --seconds"),
        ({"rate": 0.0}, "--rate must be more than 0 and at most"),
        ({"rate": float("nan")}, "--rate must be more than 0 and at most"),
        ({"seconds": 1e9}, "--seconds must be more than 0 and at most 3600"),
        ({"scenario": "steal"}, "There is no scenario 'steal': choose browse"),
        ({"shoppers": 0}, "--shoppers must be from 1 to"),
        ({"expect": "p97<5ms"}, "--expect: 'p97<5ms' is no expectation. Expect p50, p95"),
        ({"expect": "replicas>=5"}, "replicas are known only of the shop of cartwheel up"),
        ({"html_file": Path("/no/such/folder/a.html")}, "/no/such/folder/a.html cannot be written"),
        ({"target": "nonsense"}, "nonsense is not a target: write the URL of the shop"),
        ({"target": "http://127.0.0.1:1"}, "Nothing responds at http://127.0.0.1:1"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, options: dict[str, Any], error: str) -> None:
    with pytest.raises(UsageError) as wrong:
        command.load(state_dir=tmp_path, **options)
    (line,) = str(wrong.value).splitlines()
    assert error in line


def test_without_a_shop_nothing_is_introduced_and_no_file_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "load.html"
    kept = tmp_path / "load.json"
    kept.write_text("earlier")
    with pytest.raises(UsageError):
        command.load(
            state_dir=tmp_path, target="http://127.0.0.1:1", html_file=report, json_file=kept
        )
    assert capsys.readouterr().out == ""
    assert not report.exists()
    assert kept.read_text() == "earlier"


def test_the_program_says_it_with_exit_code_2(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "cartwheel", "load", "--stages", "30x:5"],
        cwd=ROOT,
        env={**os.environ, "CARTWHEEL_STATE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 1


@pytest.mark.parametrize("interrupts", [1, 2])
def test_an_interrupt_ends_it_with_the_figures_so_far(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], interrupts: int
) -> None:
    requests: Counter[str] = Counter()

    def interrupt() -> None:
        requests["sent"] += 1
        if requests["sent"] in range(5, 5 + interrupts):
            os.kill(os.getpid(), signal.SIGINT)

    with shop(on_request=interrupt) as target:
        load(tmp_path, target=target, scenario="browse", stages="50s:20")
    assert "together" in capsys.readouterr().out
