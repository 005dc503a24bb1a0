"""A chart of results as one SVG file, readable on a light and on a dark background."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from cartwheel.bench.results import BenchResult, Column, Value, format_value

WIDTH = 760
LABEL_WIDTH, VALUE_WIDTH = 190, 110
ROW, TITLE_HEIGHT, GAP = 30, 52, 24
BAR = 18
OWN_ROWS = ("cartwheel",)

STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; font-size: 15px; }
  .note { font-size: 12px; fill: #57606a; }
  .bar { fill: #8c959f; }
  .own { fill: #0969da; }
  .paper { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .note { fill: #9198a1; }
    .bar { fill: #6e7681; }
    .own { fill: #58a6ff; }
    .paper { fill: #0d1117; }
  }
"""


def to_svg(machine: Mapping[str, str], results: Iterable[BenchResult]) -> str:
    """One panel for each result that names the column to draw."""
    parts: list[str] = []
    top = GAP
    for result in results:
        if result.chart is None or not result.rows:
            continue
        panel, height = _panel(result, top)
        parts += panel
        top += height + GAP
    note = f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, {machine['python']}"
    parts.append(_text(GAP, top, note, "note"))
    height = top + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">\n'
        f"<title>Results of cartwheel bench</title>\n<style>{STYLE}</style>\n"
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _panel(result: BenchResult, top: int) -> tuple[list[str], int]:
    (column,) = (one for one in result.columns if one.key == result.chart)
    label_key = result.columns[0].key
    values = [_number(row[column.key]) for row in result.rows]
    longest = max(values) or 1.0
    parts = [
        _text(GAP, top + 14, result.title, "title"),
        _text(GAP, top + 34, column.meaning or column.heading, "note"),
    ]
    for index, (row, value) in enumerate(zip(result.rows, values, strict=True)):
        label = str(row[label_key])
        parts += _bar(label, value / longest, row, column, top + TITLE_HEIGHT + index * ROW)
    return parts, TITLE_HEIGHT + len(values) * ROW


def _bar(
    label: str, share: float, row: Mapping[str, Value], column: Column, top: int
) -> Sequence[str]:
    length = max(share * (WIDTH - LABEL_WIDTH - VALUE_WIDTH - GAP), 2.0)
    kind = "own" if label in OWN_ROWS else "bar"
    middle = top + BAR / 2 + 5
    return (
        _text(LABEL_WIDTH - 12, middle, label, "", anchor="end"),
        f'<rect class="{kind}" x="{LABEL_WIDTH}" y="{top}" width="{length:.1f}" height="{BAR}" '
        'rx="2"/>',
        _text(LABEL_WIDTH + length + 8, middle, format_value(row[column.key], column.decimals), ""),
    )


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _number(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
