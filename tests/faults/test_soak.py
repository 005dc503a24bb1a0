"""A short soak of a shop of its own: mixed shoppers, faults, a restart and a scaling."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("soak")


@pytest.mark.fault(56, store="sqlite")
def test_a_soak_ends_with_its_checks_and_a_report(tmp_path: Path) -> None:
    report, figures = tmp_path / "soak.html", tmp_path / "soak.json"
    options = ["--minutes", "0.2", "--seed", "7", "--rate", "40", "--stores", "sqlite"]
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "cartwheel", "chaos", "soak", *options),
            *("--html", str(report), "--json", str(figures)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(figures.read_text())
    assert found["passed"]
    assert found["problems"] == []
    assert found["memory"]["growth"] is not None
    assert all(change["recovery"] is None or change["recovery"] >= 0 for change in found["changes"])
    assert found["operations"]["cart add"]["ok"] > 20
    assert {change["kind"] for change in found["changes"]} >= {"fault", "restart", "scale out"}
    assert "<h1>Soak: nothing was lost</h1>" in report.read_text()
    assert "chaos soak --minutes 0.2 --seed 7 --rate 40 --stores sqlite" in ended.stdout
