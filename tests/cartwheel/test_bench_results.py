"""Gates, ratios, tables and charts of `cartwheel bench`."""

import pytest

from cartwheel.bench.chart import to_svg
from cartwheel.bench.report import to_markdown
from cartwheel.bench.results import BenchResult, Column, Gate, format_value, paired_ratio

MACHINE = {"cpu": "A <fast> one", "cores": "2", "system": "Linux", "python": "CPython"}


@pytest.mark.parametrize(
    ("measured", "outcome"),
    [(1.2, "stretch passed"), (1.5, "passed"), (2.0, "passed"), (2.1, "missed"), (None, "not")],
)
def test_a_gate_of_cost_is_an_upper_bound(measured: float | None, outcome: str) -> None:
    assert Gate("CPU", measured, 2.0, 1.3).outcome.startswith(outcome)


@pytest.mark.parametrize(
    ("measured", "outcome"), [(6.5, "stretch passed"), (4.0, "passed"), (3.9, "missed")]
)
def test_a_gate_of_throughput_is_a_lower_bound(measured: float, outcome: str) -> None:
    assert Gate("rate", measured, 4.0, 6.0, is_upper=False).outcome == outcome


def test_a_gate_may_have_a_stretch_alone() -> None:
    assert Gate("rate", 0.9, None, 1.0, is_upper=False).outcome == "stretch missed"


def test_a_ratio_is_the_median_of_the_ratios_of_each_round() -> None:
    assert paired_ratio([10, 30, 40], [10, 10, 10]) == 3.0
    assert paired_ratio([10, 90, 20], [10, 30, 10]) == 2.0, "not 20 ÷ 10 of the medians alone"
    assert paired_ratio([], []) is None


def test_values_are_formatted_for_people() -> None:
    assert format_value(12345.678) == "12,346"
    assert format_value(1.005, 1) == "1.0"
    assert format_value(None) == "–"
    assert format_value("0 / 3") == "0 / 3"


def result(chart: str | None = "rate") -> BenchResult:
    columns = (Column("variant", "variant"), Column("rate", "req/s", meaning="more is better"))
    rows = ({"variant": "a & b", "rate": 1234.0}, {"variant": "none", "rate": None})
    return BenchResult("x", "A <title>", columns, rows, [Gate("g", 1.0, 2.0)], chart=chart)


def test_a_chart_escapes_texts_and_has_a_bar_for_each_row() -> None:
    drawn = to_svg(MACHINE, [result(), result(chart=None)])
    assert "A &lt;title&gt;" in drawn
    assert "a &amp; b" in drawn
    assert "A &lt;fast&gt; one" in drawn
    assert drawn.count('class="bar"') == 2


def test_a_chart_is_readable_on_a_dark_background() -> None:
    assert "prefers-color-scheme: dark" in to_svg(MACHINE, [result()])


def test_markdown_has_a_table_of_figures_and_one_of_gates() -> None:
    lines = to_markdown(result()).splitlines()
    assert "| a & b | 1,234 |" in lines
    assert "| none | – |" in lines
    assert "| g | 1.00 | ≤ 2 | – | passed |" in lines
