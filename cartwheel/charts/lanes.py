"""Lanes: what happened to several parts, as bars under each other over the time of the charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from cartwheel.charts.axis import TimeAxis


@dataclass(frozen=True)
class Bar:
    """``kind`` is a class of the style; ``words`` are shown at the pointer."""

    start: float
    end: float
    kind: str
    words: str


@dataclass(frozen=True)
class Lane:
    """The bars of one part."""

    label: str
    bars: Sequence[Bar]


def draw_lanes(
    title: str, lanes: Sequence[Lane], axis: TimeAxis, *, legend: Mapping[str, str]
) -> str:
    """``legend`` is the meaning of each kind."""
    keys = "".join(
        f'<span class="key"><span class="bar {kind}"></span>{escape(meaning)}</span>'
        for kind, meaning in legend.items()
    )
    drawn = "".join(_draw(lane, axis) for lane in lanes)
    return (
        f'<div class="panel"><h3>{escape(title)}</h3><p class="keys">{keys}</p>'
        f'<div class="lanes" aria-hidden="true">{drawn}</div></div>'
    )


def _draw(lane: Lane, axis: TimeAxis) -> str:
    bars = "".join(_bar(bar, axis) for bar in lane.bars)
    return f'<div class="lane">{bars}<span class="label">{escape(lane.label)}</span></div>'


def _bar(bar: Bar, axis: TimeAxis) -> str:
    left, right = (100 * axis.share(at) for at in (bar.start, bar.end))
    return (
        f'<span class="bar {bar.kind}" style="left:{left:.2f}%;width:{right - left:.2f}%" '
        f'title="{escape(bar.words)}"></span>'
    )
