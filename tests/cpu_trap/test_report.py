"""What the two runs of the trap are shown as."""

import io
import xml.etree.ElementTree as ElementTree

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cartwheel.cpu_trap.command import commands
from cartwheel.cpu_trap.experiment import Experiment, Sample
from cartwheel.cpu_trap.report import draw, table
from cartwheel.errors import UsageError


def experiment(metric: str, *, replicas: int, failed: float) -> Experiment:
    samples = [
        Sample(
            at=float(second),
            asked=14.0 if 10 <= second < 30 else 4.0,
            achieved=14.0 - failed if second >= 10 else 4.0,
            failed=failed if second >= 10 else 0.0,
            p50=0.2 + failed / 10,
            cpu=None if second == 0 else 30.0,
            desired=replicas,
            ready=replicas,
        )
        for second in range(40)
    ]
    return Experiment(metric, samples)


EXPERIMENTS = [
    experiment("cpu", replicas=2, failed=3.5),
    experiment("requests", replicas=6, failed=0.0),
]


def test_the_table_is_of_the_peak() -> None:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table(EXPERIMENTS))
    rows = {tuple(line.rsplit(maxsplit=2)) for line in console.export_text().splitlines()[1:]}
    assert {tuple(cell.strip() for cell in row) for row in rows} == {
        ("replicas at the peak", "2", "6"),
        ("CPU of a replica, % of its request", "30", "30"),
        ("half of the requests take more than, ms", "550", "200"),
        ("failed requests, %", "25", "0"),
    }


def test_the_chart_has_both_runs() -> None:
    chart = draw(EXPERIMENTS)
    ElementTree.fromstring(chart)
    assert "The cart, scaled by CPU" in chart
    assert "The cart, scaled by requests" in chart


@pytest.mark.parametrize("option", ["--svg", "--json"])
def test_a_file_that_cannot_be_written_is_refused_before_the_runs(option: str) -> None:
    result = CliRunner().invoke(commands, [f"{option}=/proc/none/file"], standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert result.output == ""
