"""The faults, restarts and scalings of a soak over its time."""

from collections.abc import Sequence

from cartwheel.chaos.soak.schedule import Kind
from cartwheel.chaos.soak.session import Change
from cartwheel.charts.axis import TimeAxis
from cartwheel.charts.lanes import Bar, Lane, draw_lanes
from cartwheel.charts.page import MARK, Track, Value

KINDS = {
    Kind.FAULT: "bad",
    Kind.RESTART: "good",
    Kind.SCALE_OUT: "amber",
    Kind.SCALE_IN: "amber",
}
LEGEND = {"bad": "fault", "good": "rolling restart", "amber": "scaling out or in"}
TITLE = "Faults, restarts and scalings"


def lanes(changes: Sequence[Change], axis: TimeAxis) -> str:
    """A lane for each part of the shop on which something acted."""
    parts = sorted({one.part for one in changes})
    found = [Lane(part, [_bar(one) for one in changes if one.part == part]) for part in parts]
    return draw_lanes(TITLE, found, axis, legend=LEGEND)


def track_of_changes(changes: Sequence[Change]) -> Track:
    """For the readout: what is going on from each time on."""
    times = sorted({at for one in changes for at in (one.started_at, one.ended_at)})
    rows: list[tuple[float, Sequence[Value]]] = [(0.0, [None])]
    rows += [(at, [_going_on(changes, at)]) for at in times]
    return Track([MARK], rows)


def _bar(change: Change) -> Bar:
    return Bar(change.started_at, change.ended_at, KINDS[change.kind], change.words)


def _going_on(changes: Sequence[Change], at: float) -> str | None:
    """A moment, like a kill, is shown until the next change."""
    words = [
        one.words
        for one in changes
        if one.started_at <= at < one.ended_at or at == one.started_at == one.ended_at
    ]
    return ", ".join(words) or None
