"""The bench of the console: what it makes of what it measured."""

from dataclasses import replace

from cartwheel.bench.console import BROWSER, ONE, STALLED, TWENTY, Measured, gates

MEASURED = [
    Measured(ONE, cpu=2.9, memory=50.0, frames=1.0),
    Measured(TWENTY, cpu=3.5, memory=51.0, frames=1.0),
    Measured(STALLED, cpu=3.5, memory=52.0, frames=1.0),
    Measured(BROWSER, cpu=2.9, memory=52.0, browser=4.0),
]


def test_a_quiet_console_passes_its_gates() -> None:
    assert [gate.outcome for gate in gates(MEASURED)] == ["passed"] * 3


def test_pages_that_do_not_read_may_not_cost_memory() -> None:
    one, twenty, stalled, browser = MEASURED
    measured = [one, twenty, replace(stalled, memory=60.0), browser]
    assert [gate.outcome for gate in gates(measured)] == ["passed", "missed", "passed"]


def test_without_a_browser_its_gate_is_not_measured() -> None:
    assert gates(MEASURED[:3])[-1].outcome == "not measured"
