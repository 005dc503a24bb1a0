"""What each fault, restart and scaling cost, together and one by one."""

from collections.abc import Sequence
from html import escape

from cartwheel.chaos.soak.costs import Cost, Together, together, undisturbed
from cartwheel.chaos.soak.schedule import Kind
from cartwheel.chaos.soak.session import Change, Soak
from cartwheel.charts.axis import TimeAxis, format_elapsed
from cartwheel.charts.page import cells, heading_cell, table
from cartwheel.load.figures_text import format_count
from loadtest.table import format_duration

MAX_CHANGES = 500
"""Listed one by one."""
NOT_KNOWN = "–"


def costs_by_name(soak: Soak, costs: Sequence[Cost]) -> str:
    """The dearest first."""
    if not costs:
        return ""
    groups = together(costs)
    faults = [one for one in groups if one.kind is Kind.FAULT]
    changes = [one for one in groups if one.kind is not Kind.FAULT]
    return (
        "<h2>What each cost</h2><p>Until the shop has recovered: requests without a response or "
        "with a server error, requests that were due and not sent, and the longest wait of a "
        "recorded operation. The recovery is the time from its end to the first second without a "
        "failure and with a usual latency; it is not known where the next fault began first. Where "
        f"some overlap, each has all of it.</p>{_cost_table('fault', faults)}"
        f"{_cost_table('restart or scaling', changes)}{_undisturbed(soak, costs)}"
    )


def _undisturbed(soak: Soak, costs: Sequence[Cost]) -> str:
    """What failed although nothing was done to the shop."""
    rows = [
        [
            heading_cell(name),
            *cells(
                format_count(sum(one.due for one in seconds)),
                format_count(sum(one.failed for one in seconds)),
                format_count(sum(one.missed for one in seconds)),
            ),
        ]
        for name, seconds in undisturbed(soak, costs).items()
    ]
    return table(("apart from that", "requests", "failed", "not sent"), rows)


def _cost_table(name: str, groups: Sequence[Together]) -> str:
    heading = (name, "times", "failed", "not sent", "longest wait", "longest recovery")
    rows = [
        [
            heading_cell(one.name if one.kind is Kind.FAULT else f"{one.name}: {one.kind}"),
            *cells(
                format_count(len(one.costs)),
                format_count(one.failed),
                format_count(one.missed),
                format_duration(one.longest),
                _seconds(one.recovery),
            ),
        ]
        for one in groups
    ]
    return table(heading, rows) if groups else ""


def _seconds(value: float | None) -> str:
    return NOT_KNOWN if value is None else f"{value:.1f} s"


def costs_one_by_one(costs: Sequence[Cost], axis: TimeAxis) -> str:
    """In the order of time."""
    if not costs:
        return ""
    rows = [
        [
            *cells(format_elapsed(one.change.started_at - axis.start)),
            heading_cell(one.change.words),
            *cells(
                _seconds(one.change.ended_at - one.change.started_at),
                format_count(one.failed),
                format_count(one.missed),
                format_duration(one.longest),
                _seconds(one.recovery),
            ),
        ]
        for one in costs[:MAX_CHANGES]
    ]
    heading = ("at", "what", "took", "failed", "not sent", "longest wait", "recovery")
    return (
        f"<details><summary>All {len(costs):,} faults, restarts and scalings</summary>"
        f"{table(heading, rows)}</details>"
    )


def impossible(changes: Sequence[Change]) -> str:
    """What was planned and could not be done, and why."""
    if not changes:
        return ""
    items = "".join(
        f"<li>{escape(one.words)}: {escape(one.problem or '')}</li>"
        for one in changes[:MAX_CHANGES]
    )
    return f"<h2>Not possible</h2><ul>{items}</ul>"
