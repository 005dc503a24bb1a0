"""The report as one HTML page."""

import time
from collections.abc import Iterator, Sequence
from html import escape
from itertools import islice

from cartwheel.charts.axis import TimeAxis, format_elapsed
from cartwheel.charts.chart import draw
from cartwheel.charts.page import (
    MARK,
    Tile,
    Track,
    cells,
    charts,
    heading_cell,
    table,
    tiles,
    to_page,
)
from cartwheel.consistency import Report
from cartwheel.load.consistency_text import consistency_sentences
from cartwheel.load.expectations import Outcome
from cartwheel.load.figures_text import format_count, format_failures
from cartwheel.load.report.panels import panels_of, thinned, track_of_figures
from cartwheel.load.session import ScalingDecision, Session
from loadtest.figures import Figures, RouteFigures, Total
from loadtest.statistics import TIMEOUT
from loadtest.table import format_duration

MAX_DECISIONS = 300
"""Shown with their sentences, the newest: the size of the page is bounded."""
MAX_OUTAGES = 300
"""Listed and shaded, the newest."""
MAX_ROWS = 60
"""Of the table of figures: a longer load has rows of several seconds."""
EXPLANATION = (
    "Requests are sent at the rate asked for, whether or not responses arrive. A latency counts "
    "from the moment a request was due (to within 2 ms), so that the waits which a slow shop "
    "causes are not left out (coordinated omission); "
    f"a failed or missed request counts as {TIMEOUT:.0f} s."
)


def to_html(session: Session, outcomes: Sequence[Outcome]) -> str:
    """A page of its own. The session has ended, with figures."""
    assert session.total is not None
    assert session.started_at is not None
    axis = TimeAxis(session.started_at, session.figures[-1].at)
    sections = [
        _summary(session, session.total),
        _expectations(outcomes),
        _consistency(session.consistency),
        _charts(session, axis),
        _decisions(session.decisions, axis),
        _outages(session, axis),
        _routes(session.total),
        _seconds(session, axis),
    ]
    title = f"Load: {session.scenario} to {session.target}"
    return to_page(title, sections, tracks=_tracks(session, axis), axis=axis)


def _summary(session: Session, total: Total) -> str:
    started = time.strftime("%d %B %Y, %H:%M:%S", time.localtime(total.started_at))
    stages = ", then ".join(map(str, session.stages))
    return (
        f"<h1>Load: {escape(session.scenario)}</h1>"
        f'<p class="quiet">{escape(session.target)}, from {started} on. {escape(stages)}.</p>'
        f'{tiles(_tiles(session, total))}<p class="quiet">{EXPLANATION}</p>'
    )


def _tiles(session: Session, total: Total) -> Iterator[Tile]:
    yield Tile("requests", format_count(total.sent))
    for name in ("p50", "p95", "p99"):
        yield Tile(name, format_duration(getattr(total, name)))
    yield Tile("failed", _warning(total.failed), "bad" if total.failed else "")
    yield Tile("missed", _warning(total.missed), "bad" if total.missed else "")
    if session.replicas:
        first, last = session.replicas[0].desired, session.replicas[-1].desired
        most = max(one.desired for one in session.replicas)
        path = [first, *([most] if most not in (first, last) else []), last]
        yield Tile(f"{session.service} replicas", " → ".join(map(str, path)))


def _warning(number: int) -> str:
    return f"✗ {format_count(number)}" if number else "0"


def _expectations(outcomes: Sequence[Outcome]) -> str:
    if not outcomes:
        return ""
    rows = "".join(
        f'<li class="{"good" if one.is_met else "bad"}">{"✓ met" if one.is_met else "✗ not met"}: '
        f"<code>{escape(one.expectation)}</code>, it was {escape(one.found)}</li>"
        for one in outcomes
    )
    return f"<h2>Expectations</h2><ul>{rows}</ul>"


def _consistency(report: Report | None) -> str:
    if report is None:
        return ""
    tone = "good" if report.passed else "bad"
    listed = "".join(f"<li>{escape(one)}</li>" for one in consistency_sentences(report))
    checks = [
        [
            heading_cell(result.name),
            *map(format_count, (result.passed, result.failed, len(result.undecided))),
        ]
        for result in report.results
    ]
    heading = ("check", "passed", "failed", "not decided")
    return f'<h2>Consistency</h2><ul class="{tone}">{listed}</ul>{table(heading, checks)}'


def _charts(session: Session, axis: TimeAxis) -> str:
    bands = [(outage.start, outage.end) for outage in session.outages[-MAX_OUTAGES:]]
    marks = "".join(
        _mark(number, decision, axis) for number, decision in _newest(session.decisions)
    )
    strip = f'<div class="marks">{marks}</div>' if marks else ""
    return charts([strip, *(draw(panel, axis, bands) for panel in panels_of(session))], axis)


def _mark(number: int, decision: ScalingDecision, axis: TimeAxis) -> str:
    share = axis.share(decision.at)
    side = "left" if share < 0.5 else "right"
    change = f"{decision.current} → {decision.desired}"
    return (
        f'<a class="mark" href="#decision-{number}" style="left:{100 * share:.2f}%" '
        f'aria-label="Decision {number}: {change} replicas"><span class="dot">{number}</span>'
        f'<span class="card {side}"><b>{change}</b> <span class="why"></span></span></a>'
    )


def _sentences(decision: ScalingDecision) -> str:
    return " ".join(
        f'{escape(one.text)} <i class="basis">{one.basis}</i>' for one in decision.sentences
    )


def _decisions(decisions: Sequence[ScalingDecision], axis: TimeAxis) -> str:
    if not decisions:
        return ""
    items = "".join(
        f'<li id="decision-{number}"><b>{format_elapsed(decision.at - axis.start)}: '
        f"{decision.current} → {decision.desired}</b> "
        f'<span class="why">{_sentences(decision)}</span></li>'
        for number, decision in _newest(decisions)
    )
    first, _ = next(_newest(decisions))
    return f'<h2>Decisions of the autoscaler</h2><ol start="{first}">{items}</ol>'


def _newest(decisions: Sequence[ScalingDecision]) -> Iterator[tuple[int, ScalingDecision]]:
    """With their numbers."""
    numbered = enumerate(decisions, 1)
    return islice(numbered, max(len(decisions) - MAX_DECISIONS, 0), None)


def _outages(session: Session, axis: TimeAxis) -> str:
    total = session.total
    assert total is not None
    items = [f"Failed: {format_failures(total.failures)}."] if total.failures else []
    items += [f"Rejected: {format_failures(total.rejections)}."] if total.rejections else []
    items += [
        f"No response for {outage.seconds:.0f} s, from {format_elapsed(outage.start - axis.start)} "
        "after the start on."
        for outage in session.outages[-MAX_OUTAGES:]
    ]
    if len(session.outages) > MAX_OUTAGES:
        items.append(f"There were {len(session.outages)} such times: the last ones are listed.")
    listed = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f'<h2>Failures and rejections</h2><ul class="bad">{listed}</ul>' if items else ""


def _routes(total: Total) -> str:
    together = RouteFigures("together", total.sent, total.failed, total.p50, total.p95, total.p99)
    rows = [
        [
            heading_cell(row.route),
            *cells(
                format_count(row.sent),
                format_count(row.failed),
                *map(format_duration, (row.p50, row.p95, row.p99)),
            ),
        ]
        for row in (*total.routes, together)
    ]
    heading = ("route", "requests", "failed", "p50", "p95", "p99")
    return f"<h2>By route</h2>{table(heading, rows)}"


def _seconds(session: Session, axis: TimeAxis) -> str:
    size = -(-len(session.figures) // MAX_ROWS)
    groups = [
        session.figures[index : index + size] for index in range(0, len(session.figures), size)
    ]
    rows = [[*cells(format_elapsed(group[-1].at - axis.start), *_of(group))] for group in groups]
    heading = ("until", "asked", "achieved", "failed", "missed", "highest p95")
    return f"<details><summary>Figures as a table</summary>{table(heading, rows)}</details>"


def _of(group: Sequence[Figures]) -> Iterator[str]:
    seconds = sum(one.seconds for one in group)
    yield f"{sum(one.due for one in group) / seconds:.0f}/s"
    yield f"{sum(one.achieved * one.seconds for one in group) / seconds:.0f}/s"
    yield format_count(sum(one.failed for one in group))
    yield format_count(sum(one.missed for one in group))
    yield format_duration(max((one.p95 for one in group if one.p95 is not None), default=None))


def _tracks(session: Session, axis: TimeAxis) -> Sequence[Track]:
    """What is shown at the cursor: the figures of each second, and each change of replicas."""
    counts = [f"{session.service}: desired {MARK}", f"ready {MARK}", f"serving {MARK}"]
    replicas = Track(
        counts,
        [(one.at, (one.desired, one.ready, one.serving)) for one in thinned(session.replicas)],
    )
    return [track_of_figures(session.figures, axis), replicas]
