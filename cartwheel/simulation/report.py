"""What `simulate` and `backtest` show: a table, JSON, and a page with charts."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from rich.table import Table

from cartwheel.charts.svg_file import CHART, draw
from cartwheel.charts.theme import THEME
from cartwheel.simulation.assumptions import describe
from cartwheel.simulation.durations import format_duration
from cartwheel.simulation.run import Change, Figures, Run
from cartwheel.simulation.run_charts import columns
from cartwheel.simulation.style import PAGE

NOTHING = "–"
MAX_CHANGES_SHOWN = 200
# Times after this are shown as dates.
FIRST_DATE = 1e8


@dataclass(frozen=True)
class Row:
    """A figure of the table. ``is_less_better`` None: neither is better."""

    label: str
    text: Callable[[Figures], str]
    value: Callable[[Figures], float | None]
    is_less_better: bool | None = True


def _number(decimals: int = 0, unit: str = "") -> Callable[[float | None], str]:
    return lambda value: NOTHING if value is None else f"{value:,.{decimals}f}{unit}"


def _row(
    label: str, name: str, text: Callable[[float | None], str], *, better: bool | None = True
) -> Row:
    return Row(label, lambda one: text(getattr(one, name)), lambda one: getattr(one, name), better)


def _seconds(value: float | None) -> str:
    return NOTHING if value is None else format_duration(value)


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.0f} %"


ROWS = (
    _row("requests over capacity", "over_capacity", _number()),
    _row("… of these shed", "shed", _number()),
    _row("SLO minutes lost", "lost_minutes", _number(2)),
    _row("reaction: decision, median", "reaction_decision", _seconds),
    _row("reaction: serving, median", "reaction_serving", _seconds),
    _row("reaction: serving, longest", "reaction_longest", _seconds),
    _row("replica-minutes", "replica_minutes", _number(1)),
    _row("mean replicas", "mean_replicas", _number(2), better=None),
    _row("most replicas", "peak_replicas", _number(), better=None),
    _row("mean utilization", "mean_utilization", _percent, better=None),
    _row("changes", "changes", _number(), better=None),
    _row("reversals within 10 min", "reversals", _number()),
)


def table(runs: Sequence[Run], *, is_comparison: bool = False) -> Table:
    """The figures of the runs, one column each; compared, with the difference from the first."""
    found = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    found.add_column("")
    for run in runs:
        found.add_column(run.name, justify="right")
    for row in ROWS:
        cells = [row.text(run.figures) for run in runs]
        if is_comparison:
            cells[1:] = [_with_difference(row, runs[0], run) for run in runs[1:]]
        found.add_row(row.label, *cells)
    return found


def _with_difference(row: Row, first: Run, run: Run) -> str:
    text, base, value = row.text(run.figures), row.value(first.figures), row.value(run.figures)
    if not base or value is None or value == base:
        return text
    return f"{text} ({(value - base) / base:+.0%})"


def to_json(runs: Sequence[Run]) -> str:
    return json.dumps({"runs": [run.to_json() for run in runs]}, indent=2) + "\n"


def to_html(runs: Sequence[Run], *, title: str, command: str) -> str:
    """One page with everything in it: nothing is loaded from anywhere."""
    shape = runs[0].shape
    length = format_duration(shape.end - shape.start)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{THEME}{PAGE}{CHART}</style></head><body>
<h1>{escape(title)}</h1>
<p>{length} of load, up to {shape.peak:,.4g} requests/s; {len(runs)} \
{"autoscaler" if len(runs) == 1 else "autoscalers"}. Simulated, not measured.</p>
<p class="quiet">Assumed: {escape(describe(runs[0].assumptions))}</p>
<div class="wide">{draw(columns(runs), title=title)}</div>
<h2>Figures</h2>
<div class="wide">{_html_table(runs)}</div>
<h2>Decisions</h2>
{"".join(_html_changes(run) for run in runs)}
<h2>Made with</h2>
<p><code>{escape(command)}</code></p>
</body></html>
"""


def _html_table(runs: Sequence[Run]) -> str:
    head = "".join(f'<th scope="col">{escape(run.name)}</th>' for run in runs)
    body = "".join(
        f'<tr><th scope="row">{escape(row.label)}</th>{_html_cells(row, runs)}</tr>' for row in ROWS
    )
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_cells(row: Row, runs: Sequence[Run]) -> str:
    values = [row.value(run.figures) for run in runs]
    known = [value for value in values if value is not None]
    best = min(known) if row.is_less_better and len(set(known)) > 1 else None
    return "".join(
        f"<td{' class=best' if value is not None and value == best else ''}>"
        f"{escape(row.text(run.figures))}</td>"
        for value, run in zip(values, runs, strict=True)
    )


def _html_changes(run: Run) -> str:
    shown = run.changes[:MAX_CHANGES_SHOWN]
    items = "".join(_html_change(one, run.shape.start) for one in shown)
    rest = len(run.changes) - len(shown)
    more = f'<p class="quiet">And {rest:,} more.</p>' if rest else ""
    count = f"{len(run.changes):,} {'change' if len(run.changes) == 1 else 'changes'}"
    return (
        f"<details{' open' if len(run.changes) <= 20 else ''}>"
        f"<summary>{escape(run.name)}: {count}</summary><ol>{items}</ol>{more}</details>"
    )


def _html_change(change: Change, start: float) -> str:
    sentences = " ".join(change.sentences)
    return (
        f"<li><b>{format_time(change.at, start)} &nbsp; {change.before} → {change.after}</b> "
        f"{escape(sentences)}</li>"
    )


def format_time(at: float, start: float) -> str:
    """A date and time for loads of the past, else the time since the start."""
    if at >= FIRST_DATE:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{at - start:g} s"
