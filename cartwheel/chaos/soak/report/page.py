"""The report as one HTML page."""

import json
import time
from collections.abc import Iterator, Sequence
from html import escape

from cartwheel.chaos.soak.costs import Cost, Together, costs_of, together
from cartwheel.chaos.soak.report.timeline import lanes, track_of_changes
from cartwheel.chaos.soak.schedule import Kind
from cartwheel.chaos.soak.session import MAX_MEMORY_GROWTH, Memory, Soak
from cartwheel.charts.axis import TimeAxis, format_elapsed
from cartwheel.charts.chart import draw
from cartwheel.charts.page import Tile, cells, charts, heading_cell, table, tiles, to_page
from cartwheel.consistency import CheckResult, Finding
from cartwheel.load.figures_text import format_count, format_failures
from cartwheel.load.report.panels import panels_of_figures, track_of_figures
from loadtest.history import Operation, Outcome
from loadtest.table import format_duration

MAX_FINDINGS = 50
"""Listed for each check."""
MAX_OPERATIONS = 20
"""Shown of each finding."""
MAX_CHANGES = 500
"""Listed one by one."""
NOT_KNOWN = "–"
PASSED, FAILED, UNDECIDED = "✓ passed", "✗ failed", "? not decided"


def to_html(soak: Soak) -> str:
    """A page of its own, also of a soak that ended before its first second."""
    axis = TimeAxis(soak.started_at, _end_of(soak))
    costs = costs_of(soak)
    sections = [
        _summary(soak, costs),
        _checks(soak),
        _over_time(soak, axis),
        _operations(soak),
        _costs(costs),
        _changes(costs, axis),
        _memory(soak),
        _repeat(soak),
    ]
    tracks = [track_of_figures(soak.figures, axis), track_of_changes(soak.changes)]
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
    return "the shop did not come to rest" if soak.problems else "nothing was lost"


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
        yield Tile("p99", format_duration(soak.total.p99))
    for kind, name in ((Kind.FAULT, "faults"), (Kind.RESTART, "restarts")):
        yield Tile(name, format_count(sum(one.change.kind is kind for one in costs)))
    scalings = sum(one.change.kind in (Kind.SCALE_OUT, Kind.SCALE_IN) for one in costs)
    yield Tile("scalings", format_count(scalings))
    if soak.memory_growth is not None:
        is_high = soak.memory_growth > MAX_MEMORY_GROWTH
        yield Tile("memory", f"× {soak.memory_growth:.2f}", "bad" if is_high else "")


def _checks(soak: Soak) -> str:
    if soak.report is None:
        return ""
    rows = [_check_row(one) for one in soak.report.results]
    found = "".join(_findings(one) for one in soak.report.results)
    undecided = "".join(f"<li>{escape(one)}</li>" for one in soak.report.undecided[:MAX_FINDINGS])
    return (
        f"<h2>Checks</h2>{table(('check', 'result', 'passed', 'failed', 'not decided'), rows)}"
        f"{found}{f'<ul>{undecided}</ul>' if undecided else ''}"
    )


def _check_row(result: CheckResult) -> Sequence[str]:
    word, kind = _word(result)
    counts = (result.passed, result.failed, len(result.undecided))
    return [
        heading_cell(result.name),
        f'<td class="{kind}">{word}</td>',
        *cells(*map(format_count, counts)),
    ]


def _word(result: CheckResult) -> tuple[str, str]:
    if result.findings:
        return FAILED, "bad"
    return (UNDECIDED, "amber") if result.undecided else (PASSED, "good")


def _findings(result: CheckResult) -> str:
    if not result.findings:
        return ""
    items = "".join(map(_finding, result.findings[:MAX_FINDINGS]))
    rest = len(result.findings) - MAX_FINDINGS
    more = f"<p>And {rest:,} more.</p>" if rest > 0 else ""
    return f'<h3>{escape(result.name)}</h3><ul class="findings">{items}</ul>{more}'


def _finding(finding: Finding) -> str:
    shown = "".join(
        f"<li><code>{escape(_one_line(operation))}</code></li>"
        for operation in finding.operations[:MAX_OPERATIONS]
    )
    operations = (
        f"<details><summary>{len(finding.operations):,} operations</summary><ol>{shown}</ol>"
        "</details>"
        if shown
        else ""
    )
    return f"<li>{escape(finding.sentence)}{operations}</li>"


def _one_line(operation: Operation) -> str:
    return (
        f"{operation.called_at:.3f}–{operation.returned_at:.3f} shopper {operation.client}: "
        f"{operation.object} {operation.call} {json.dumps(dict(operation.input))} → "
        f"{operation.outcome} {json.dumps(dict(operation.output))}"
    )


def _over_time(soak: Soak, axis: TimeAxis) -> str:
    if not soak.figures:
        return ""
    faults = [(one.started_at, one.ended_at) for one in soak.changes if one.kind is Kind.FAULT]
    panels = [draw(panel, axis, faults) for panel in panels_of_figures(soak.figures)]
    return charts([lanes(soak.changes, axis), *panels], axis)


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


def _costs(costs: Sequence[Cost]) -> str:
    if not costs:
        return ""
    groups = together(costs)
    faults = [one for one in groups if one.kind is Kind.FAULT]
    changes = [one for one in groups if one.kind is not Kind.FAULT]
    return (
        "<h2>What each cost</h2><p>Failed are requests without a response or with a server error "
        "in the seconds from its beginning to its end. The recovery is the time from its end to "
        "the first second without a failure and with a usual latency; it is not known where the "
        "next fault began first. Where a fault, a restart and a scaling overlap, each has all of "
        f"it.</p>{_cost_table('fault', faults)}{_cost_table('restart or scaling', changes)}"
    )


def _cost_table(name: str, groups: Sequence[Together]) -> str:
    heading = (name, "times", "failed", "highest p99", "longest recovery")
    rows = [
        [
            heading_cell(one.name if one.kind is Kind.FAULT else f"{one.name}: {one.kind}"),
            *cells(
                format_count(len(one.costs)),
                format_count(one.failed),
                format_duration(one.worst),
                _seconds(one.recovery),
            ),
        ]
        for one in groups
    ]
    return table(heading, rows) if groups else ""


def _seconds(value: float | None) -> str:
    return NOT_KNOWN if value is None else f"{value:.1f} s"


def _changes(costs: Sequence[Cost], axis: TimeAxis) -> str:
    if not costs:
        return ""
    rows = [
        [
            *cells(format_elapsed(one.change.started_at - axis.start)),
            heading_cell(_words(one)),
            *cells(
                _seconds(one.change.ended_at - one.change.started_at),
                format_count(one.failed),
                format_duration(one.worst),
                _seconds(one.recovery),
            ),
        ]
        for one in costs[:MAX_CHANGES]
    ]
    heading = ("at", "what", "took", "failed", "highest p99", "recovery")
    return (
        f"<details><summary>All {len(costs):,} faults, restarts and scalings</summary>"
        f"{table(heading, rows)}</details>"
    )


def _words(cost: Cost) -> str:
    problem = f": {cost.change.problem}" if cost.change.problem else ""
    return f"{cost.change.words}{problem}"


def _memory(soak: Soak) -> str:
    if not soak.memory:
        return ""
    rows = [_memory_row(one) for one in sorted(soak.memory, key=lambda one: one.is_store)]
    growth = soak.memory_growth
    gate = f"All services together: × {growth:.2f}; at most × {MAX_MEMORY_GROWTH} is expected. "
    return (
        f"<h2>Memory</h2><p>{gate if growth else ''}Before is when shoppers had warmed the shop "
        "up, after is at rest. Stores grow with their data.</p>"
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
