"""A chart: lines as SVG that is stretched to the width of the page, labels as text beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from cartwheel.charts.axis import TimeAxis, spread

WIDTH, HEIGHT = 1000, 100
MIN_LABEL_DISTANCE = 12.0
"""Percent of the height between the labels of two lines."""

Point = tuple[float, float | None]


@dataclass(frozen=True)
class Series:
    """Points (time and value) joined as a line, or as steps: each value holds until the next.

    ``kind`` is a class of the style. A value of None is a gap.
    """

    label: str
    kind: str
    points: Sequence[Point]
    is_stepped: bool = False


@dataclass(frozen=True)
class Panel:
    """Lines on one scale from 0 to ``top``; what is above it is drawn at its upper edge."""

    title: str
    description: str
    series: Sequence[Series]
    top: float
    ticks: Sequence[tuple[float, str]]


def draw(panel: Panel, axis: TimeAxis, bands: Sequence[tuple[float, float]]) -> str:
    """``bands`` are times to be shaded."""
    lines = "".join(
        f'<path class="{one.kind}" d="{_path(one, axis, panel.top)}"/>' for one in panel.series
    )
    grid = "".join(
        f'<path class="grid" d="M0 {_y(value, panel.top):.1f}H{WIDTH}"/>'
        for value, _ in panel.ticks
    )
    shaded = "".join(_band(band, axis) for band in bands)
    return (
        f'<div class="panel"><h3>{escape(panel.title)}</h3>'
        f'<div class="plot" role="img" aria-label="{escape(panel.description)}">'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f"{shaded}{grid}{lines}</svg>{''.join(_scale(panel))}{''.join(_labels(panel))}</div></div>"
    )


def time_scale(axis: TimeAxis) -> str:
    labels = "".join(
        f'<span style="left:{100 * axis.share(at):.2f}%">{escape(label)}</span>'
        for at, label in axis.ticks()
    )
    return f'<div class="time" aria-hidden="true">{labels}</div>'


def _scale(panel: Panel) -> Iterator[str]:
    for value, label in panel.ticks:
        yield f'<span class="tick" style="top:{_y(value, panel.top):.1f}%">{escape(label)}</span>'


def _labels(panel: Panel) -> Iterator[str]:
    """The name of each line at its end, moved apart where lines end close to each other."""
    ends = sorted(
        ((_y(_last_value(one), panel.top), one) for one in _with_values(panel.series)),
        key=lambda end: end[0],
    )
    places = spread([y for y, _ in ends], distance=MIN_LABEL_DISTANCE, end=HEIGHT)
    for top, (_, one) in zip(places, ends, strict=True):
        yield f'<span class="label {one.kind}" style="top:{top:.1f}%">{escape(one.label)}</span>'


def _with_values(series: Sequence[Series]) -> Iterator[Series]:
    return (one for one in series if any(value is not None for _, value in one.points))


def _last_value(series: Series) -> float:
    return next(value for _, value in reversed(series.points) if value is not None)


def _path(series: Series, axis: TimeAxis, top: float) -> str:
    parts: list[str] = []
    is_open = False
    for at, value in series.points:
        if value is None:
            is_open = False
            continue
        x, y = f"{WIDTH * axis.share(at):.1f}", f"{_y(value, top):.1f}"
        if not is_open:
            parts.append(f"M{x} {y}")
        else:
            parts.append(f"H{x}V{y}" if series.is_stepped else f"L{x} {y}")
        is_open = True
    if series.is_stepped and is_open:
        parts.append(f"H{WIDTH}")
    return "".join(parts)


def _y(value: float, top: float) -> float:
    return HEIGHT * (1 - min(max(value / top, 0.0), 1.0))


def _band(band: tuple[float, float], axis: TimeAxis) -> str:
    start, end = (WIDTH * axis.share(at) for at in band)
    return f'<rect class="band" x="{start:.1f}" y="0" width="{end - start:.1f}" height="{HEIGHT}"/>'
