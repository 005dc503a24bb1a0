"""`cartwheel chaos` on the command line: what it prints, and what it says to wrong usage."""

import json
from pathlib import Path

import pytest

from tests.cartwheel.supervisor_process import command, running


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "cart-kiled"], "There is no fault 'cart-kiled': did you mean cart-killed?"),
        (["run"], "Name a fault (see cartwheel chaos list), or choose --random."),
        (["run", "cart-killed", "--random"], "Name a fault"),
        (["run", "cart-killed", "--minutes", "1"], "--minutes is for --random"),
        (["run", "cart-killed", "--seconds", "0"], "--seconds must be from 0.5 to 60."),
        (["run", "--random", "--minutes", "61"], "--minutes must be from 0.1 to 60."),
        (["run", "cart-killed", "--stores", "mongo"], "--stores must be sqlite or real."),
        (
            ["run", "valkey-full", "--stores", "sqlite"],
            "valkey-full needs a shop with --stores real",
        ),
        (["show", "valkey"], "There is no fault 'valkey': did you mean valkey-"),
        (["list", "--jsn"], "Try: "),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = command(tmp_path / "state", "chaos", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_the_list_names_all_faults_for_people_and_for_programs(tmp_path: Path) -> None:
    listed = command(tmp_path / "state", "chaos", "list").stdout
    found = json.loads(command(tmp_path / "state", "chaos", "list", "--json").stdout)
    assert len(found) >= 25
    for fault in found:
        assert f"  {fault['id']} " in listed


def test_a_fault_is_shown_with_how_it_is_injected(tmp_path: Path) -> None:
    shown = command(tmp_path / "state", "chaos", "show", "valkey-slow").stdout
    assert "Injects    toxics: store cart, toxics (type latency, latency_ms 500)\n" in shown
    assert "Matrix     row 3 of docs/faults.md\n" in shown


def test_a_fault_that_the_running_shop_cannot_have_says_how_to_have_it(tmp_path: Path) -> None:
    with running(tmp_path / "state", output=tmp_path / "output") as supervisor:
        supervisor.ready()
        done = supervisor.command("chaos", "run", "valkey-killed")
    assert done.returncode == 2
    assert done.stderr == (
        "valkey-killed needs a shop with --stores real, and this one has sqlite stores. "
        "To run it on a shop of its own beside it, add --stores real.\n"
    )
