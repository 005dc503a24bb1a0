"""The report as one HTML page."""

import time
from collections.abc import Iterator, Sequence
from html import escape

from cartwheel.chaos.soak.costs import Cost, costs_of
from cartwheel.chaos.soak.report.checks import checks
from cartwheel.chaos.soak.report.cost_tables import (
    NOT_KNOWN,
    costs_by_name,
    costs_one_by_one,
    impossible,
)
from cartwheel.chaos.soak.report.timeline import lanes, track_of_changes
from cartwheel.chaos.soak.schedule import Kind
from cartwheel.chaos.soak.session import MAX_MEMORY_GROWTH, Memory, Soak
from cartwheel.charts.axis import TimeAxis, format_elapsed
from cartwheel.charts.chart import draw
from cartwheel.charts.page import Tile, cells, charts, heading_cell, table, tiles, to_page
from cartwheel.load.figures_text import format_count, format_failures
from cartwheel.load.report.panels import panels_of_figures, track_of_figures
from loadtest.history import Outcome
from loadtest.table import format_duration


def to_html(soak: Soak) -> str:
    """A page of its own, also of a soak that ended before its first second."""
    axis = TimeAxis(soak.started_at, _end_of(soak))
    costs = costs_of(soak)
    sections = [
        _summary(soak, costs),
        checks(soak.report) if soak.report else "",
        _over_time(soak, axis),
        _operations(soak),
        costs_by_name(soak, costs),
        costs_one_by_one(costs, axis),
        impossible([one for one in soak.changes if not one.is_done]),
        _memory(soak),
        _repeat(soak),
    ]
    tracks = [track_of_figures(soak.figures, axis), track_of_changes(soak.done)]
    return to_page(f"Soak: {_outcome(soak)}", sections, tracks=tracks, axis=axis)


def _end_of(soak: Soak) -> float:
    last = [one.at for one in soak.figures[-1:]]
    return max([*last, *(one.ended_at for one in soak.changes), soak.started_at + 1])


def _outcome(soak: Soak) -> str:
    if soak.report is None:
        return "the checks did not run"
    if soak.report.findings:
        number = len(soak.report.findings)
        return f"{number:,} violation{'s' if number > 1 else ''} found"
    if soak.report.undecided:
        return "not everything could be decided"
    return "nothing was lost" if soak.passed else "no violation found, but it was not complete"


def _summary(soak: Soak, costs: Sequence[Cost]) -> str:
    plan = soak.plan
    started = time.strftime("%d %B %Y, %H:%M:%S", time.localtime(soak.started_at))
    stores = "Valkey and Postgres" if plan.stores == "real" else "SQLite"
    early = " It was ended early." if soak.ended_early else ""
    problems = "".join(f"<li>{escape(one)}</li>" for one in soak.problems)
    return (
        f"<h1>Soak: {escape(_outcome(soak))}</h1>"
        f'<p class="quiet">From {started} on, with {stores}: {plan.rate:g} requests a second for '
        f"{format_elapsed(plan.seconds)}, seed {plan.seed}.{early}</p>"
        f"{tiles(_tiles(soak, costs))}" + (f'<ul class="bad">{problems}</ul>' if problems else "")
    )


def _tiles(soak: Soak, costs: Sequence[Cost]) -> Iterator[Tile]:
    yield Tile("acknowledged", format_count(soak.count(Outcome.OK)))
    yield Tile("refused", format_count(soak.count(Outcome.REFUSED)))
    yield Tile("outcome unknown", format_count(soak.count(Outcome.UNKNOWN)))
    violations = len(soak.report.findings) if soak.report else None
    text = NOT_KNOWN if violations is None else format_count(violations)
    yield Tile("violations", text, "bad" if violations else "good")
    if soak.total is not None:
        yield Tile("requests failed", format_count(soak.total.failed))
        yield Tile("requests not sent", format_count(soak.total.missed))
        yield Tile("p99", format_duration(soak.total.p99))
    for kind, name in ((Kind.FAULT, "faults"), (Kind.RESTART, "restarts")):
        yield Tile(name, format_count(sum(one.change.kind is kind for one in costs)))
    scalings = sum(one.change.kind in (Kind.SCALE_OUT, Kind.SCALE_IN) for one in costs)
    yield Tile("scalings", format_count(scalings))
    if soak.memory_growth is not None:
        is_high = soak.memory_growth > MAX_MEMORY_GROWTH
        yield Tile("memory", f"× {soak.memory_growth:.2f}", "bad" if is_high else "")


def _over_time(soak: Soak, axis: TimeAxis) -> str:
    if not soak.figures:
        return ""
    faults = [(one.started_at, one.ended_at) for one in soak.done if one.kind is Kind.FAULT]
    panels = [draw(panel, axis, faults) for panel in panels_of_figures(soak.figures)]
    return charts([lanes(soak.done, axis), *panels], axis)


def _operations(soak: Soak) -> str:
    rows = [
        [heading_cell(kind), *cells(*(format_count(counts.get(one, 0)) for one in Outcome))]
        for kind, counts in soak.operations.items()
    ]
    together = [*cells(*(format_count(soak.count(one)) for one in Outcome))]
    rows.append([heading_cell("together"), *together])
    failures = soak.total.failures if soak.total else {}
    failed = (
        f"<p>Requests that failed: {escape(format_failures(failures))}.</p>" if failures else ""
    )
    return (
        "<h2>Operations</h2><p>Acknowledged: the shopper has a response that says it is done. "
        "Refused: a response that says that nothing was changed. Unknown: no response, or one "
        "that does not tell; the checks accept that it happened once or never.</p>"
        f"{failed}{table(('operation', 'acknowledged', 'refused', 'unknown'), rows)}"
    )


def _memory(soak: Soak) -> str:
    if not soak.memory:
        return ""
    rows = [_memory_row(one) for one in sorted(soak.memory, key=lambda one: one.is_store)]
    growth = soak.memory_growth
    gate = f"All services together: × {growth:.2f}; at most × {MAX_MEMORY_GROWTH} is expected. "
    return (
        f"<h2>Memory</h2><p>{gate if growth else ''}Both are measured under load: when "
        "shoppers had warmed the shop up, and after the last fault. Stores grow with their "
        "data.</p>"
        f"{table(('part', 'processes', 'before', 'after', 'growth'), rows)}"
    )


def _memory_row(memory: Memory) -> Sequence[str]:
    store = " (store)" if memory.is_store else ""
    return [
        heading_cell(f"{memory.name}{store}"),
        *cells(
            str(memory.processes),
            f"{memory.before / 1e6:.1f} MB",
            f"{memory.after / 1e6:.1f} MB",
            f"× {memory.growth:.2f}",
        ),
    ]


def _repeat(soak: Soak) -> str:
    return (
        "<h2>Repeat it</h2><p>The same faults at the same times, with the same shoppers:</p>"
        f"<p><code>{escape(soak.plan.command)}</code></p>"
    )
