"""Charts as an SVG file of its own: panels under one time axis, runs side by side."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from cartwheel.charts.axis import TimeAxis, round_up, spread
from cartwheel.charts.theme import THEME

WIDTH, PANEL_HEIGHT = 560, 130
LEFT, RIGHT, GAP, HEAD, AXIS = 46, 92, 30, 34, 26
PLOT = WIDTH - LEFT - RIGHT
# Labels of lines that end close to each other are moved apart by this much.
LABEL_HEIGHT = 14
CHART = """
svg text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: var(--ink); }
svg .title { font-size: 15px; font-weight: 650; }
svg .quiet { fill: var(--quiet); }
svg .number { font-family: ui-monospace, monospace; font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .paper { fill: var(--paper); }
svg .mark { stroke: var(--amber); stroke-width: 1.5; }
svg polyline { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
svg .ink { stroke: var(--ink); } svg text.ink { stroke: none; }
svg .good { stroke: var(--good); } svg text.good { stroke: none; fill: var(--good); }
svg .amber { stroke: var(--amber); } svg text.amber { stroke: none; fill: var(--amber); }
svg .accent { stroke: var(--accent); } svg text.accent { stroke: none; fill: var(--accent); }
svg .dashed { stroke-dasharray: 5 3; }
svg .over { fill: var(--accent); opacity: 0.22; stroke: none; }
"""

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Points that are joined as steps (each value holds until the next) or as a line.

    ``kind`` is a class of the style: ink, good, amber, accent, and dashed beside it.
    """

    label: str
    kind: str
    points: Sequence[Point]
    is_stepped: bool = True


@dataclass(frozen=True)
class Panel:
    """What the first series is above ``limit`` is filled."""

    title: str
    series: Sequence[Series]
    limit: Series | None = None
    max_value: float | None = None

    @property
    def top(self) -> float:
        every = [*self.series, *([self.limit] if self.limit else [])]
        highest = max((value for one in every for _, value in one.points), default=0.0)
        return min(highest, self.max_value or highest) or 1.0


@dataclass(frozen=True)
class Column:
    """One run: a heading, panels under each other, and marks on the time axis."""

    title: str
    panels: Sequence[Panel]
    start: float
    end: float
    marks: Sequence[tuple[float, str]] = ()


def to_svg(columns: Sequence[Column], *, title: str, per_row: int = 2) -> str:
    """A file of its own. Panels in the same place have the same scale."""
    return draw(columns, title=title, per_row=per_row, style=THEME + CHART)


def draw(columns: Sequence[Column], *, title: str, per_row: int = 2, style: str = "") -> str:
    """Without a style: for a page that has it."""
    tops = [
        round_up(max(one.top for one in same))
        for same in zip(*(column.panels for column in columns), strict=True)
    ]
    height = HEAD + len(tops) * (PANEL_HEIGHT + GAP) + AXIS
    parts = []
    for number, column in enumerate(columns):
        x, y = number % per_row * WIDTH, number // per_row * height
        parts.append(f'<g transform="translate({x} {y})">')
        parts += _column(column, tops)
        parts.append("</g>")
    width = min(len(columns), per_row) * WIDTH
    full = -(-len(columns) // per_row) * height
    styled = f"<style>{style}</style>" if style else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {full}" width="{width}" '
        f'height="{full}" role="img"><title>{escape(title)}</title>{styled}'
        f'<rect class="paper" width="{width}" height="{full}"/>' + "\n".join(parts) + "</svg>\n"
    )


def _column(column: Column, tops: Sequence[float]) -> Iterator[str]:
    yield _text(LEFT, 18, column.title, "title")
    bottom = HEAD + len(tops) * (PANEL_HEIGHT + GAP) - GAP + 16
    for at, words in column.marks:
        x = _x(column, at)
        yield (
            f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom - 12}" y2="{bottom - 4}">'
            f"<title>{escape(words)}</title></line>"
        )
    for number, (panel, top) in enumerate(zip(column.panels, tops, strict=True)):
        y = HEAD + number * (PANEL_HEIGHT + GAP) + 12
        yield f'<g transform="translate(0 {y})">'
        yield from _panel(column, panel, top)
        yield "</g>"
    for at, label in TimeAxis(column.start, column.end).ticks():
        yield _text(_x(column, at), bottom + 12, label, "quiet number", "middle")


def _panel(column: Column, panel: Panel, top: float) -> Iterator[str]:
    height = PANEL_HEIGHT - 12
    yield _text(LEFT, -4, panel.title, "quiet")
    for value in (0.0, top / 2, top):
        y = height - value / top * height
        yield f'<line class="grid" x1="{LEFT}" x2="{LEFT + PLOT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(LEFT - 6, y + 4, _number(value), "quiet number", "end")
    if panel.limit is not None and panel.series:
        yield from _over(column, panel.series[0], panel.limit, top, height)
    every = [*panel.series, *([panel.limit] if panel.limit else [])]
    for one in every:
        points = _polyline(column, one, top, height)
        yield f'<polyline class="{one.kind}" points="{points}"/>'
    yield from _labels([one for one in every if one.points and one.label], top, height)


def _labels(series: Sequence[Series], top: float, height: float) -> Iterator[str]:
    """The name of each line at its end, moved apart where lines end together."""
    ends = sorted(
        (height - min(one.points[-1][1] / top, 1.0) * height, number)
        for number, one in enumerate(series)
    )
    places = spread([y for y, _ in ends], distance=LABEL_HEIGHT, end=height)
    for y, (_, number) in zip(places, ends, strict=True):
        one = series[number]
        yield _text(LEFT + PLOT + 6, y + 4, one.label, one.kind.split()[0])


def _polyline(column: Column, series: Series, top: float, height: float) -> str:
    found: list[str] = []
    previous = None
    for at, value in [*series.points, *_last(series, column.end)]:
        x, y = _x(column, at), height - min(value / top, 1.0) * height
        if series.is_stepped and previous is not None and previous != y:
            found.append(f"{x:.1f},{previous:.1f}")
        found.append(f"{x:.1f},{y:.1f}")
        previous = y
    return " ".join(found)


def _last(series: Series, end: float) -> Sequence[Point]:
    if not series.is_stepped or not series.points or series.points[-1][0] >= end:
        return ()
    return ((end, series.points[-1][1]),)


def _over(column: Column, load: Series, limit: Series, top: float, height: float) -> Iterator[str]:
    """Rectangles between the limit and what is above it."""
    times = sorted({at for one in (load, limit) for at, _ in one.points} | {column.end})
    for start, end in pairwise(times):
        value, bound = _value(load, start), _value(limit, start)
        if value <= bound:
            continue
        y, base = (height - min(number / top, 1.0) * height for number in (value, bound))
        x = _x(column, start)
        yield (
            f'<rect class="over" x="{x:.1f}" y="{y:.1f}" '
            f'width="{max(_x(column, end) - x, 0.5):.1f}" height="{base - y:.1f}"/>'
        )


def _value(series: Series, at: float) -> float:
    index = bisect_right(series.points, at, key=lambda point: point[0]) - 1
    return series.points[max(index, 0)][1]


def _x(column: Column, at: float) -> float:
    return LEFT + (at - column.start) / (column.end - column.start) * PLOT


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
    )
