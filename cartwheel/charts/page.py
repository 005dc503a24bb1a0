"""A page that needs nothing from outside: its frame, tables, tiles, and charts with a readout."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from cartwheel.charts.axis import TimeAxis
from cartwheel.charts.chart import time_scale
from cartwheel.charts.theme import THEME

Value = float | str | None
MARK = "{}"
"""Stands for the value in the words of a track."""


@dataclass(frozen=True)
class Tile:
    """A figure in large type. ``kind`` is a class of the style."""

    name: str
    value: str
    kind: str = ""


@dataclass(frozen=True)
class Track:
    """Values over time, for the readout. Each row is a time and a value for each of the ``words``.

    Without a value the words are left out. Rows are in the order of time; one holds until the next.
    """

    words: Sequence[str]
    rows: Sequence[tuple[float, Sequence[Value]]]


def to_page(title: str, sections: Iterable[str], *, tracks: Sequence[Track], axis: TimeAxis) -> str:
    """The document. The cursor of the charts goes from row to row of the first track."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{THEME}{_resource('page.css')}</style></head>"
        f"<body><main>{''.join(sections)}</main>"
        f'<script type="application/json" id="figures">{_as_json(tracks, axis)}</script>'
        f"<script>{_resource('readout.js')}</script></body></html>\n"
    )


def tiles(values: Iterable[Tile]) -> str:
    items = "".join(
        f'<div class="{one.kind}"><dt>{escape(one.name)}</dt><dd>{escape(one.value)}</dd></div>'
        for one in values
    )
    return f'<dl class="tiles">{items}</dl>'


def charts(drawn: Iterable[str], axis: TimeAxis) -> str:
    """Strips and panels under each other, over one time scale."""
    return (
        '<h2 id="charts">Over time</h2>'
        '<p class="readout" id="readout" role="status">Point at a chart, or focus it and use the '
        "arrow keys, to read its values.</p>"
        '<div class="charts" tabindex="0" role="group" aria-labelledby="charts">'
        f'{"".join(drawn)}{time_scale(axis)}<div class="cursor" hidden></div></div>'
    )


def cells(*values: str) -> Iterator[str]:
    return (f"<td>{escape(value)}</td>" for value in values)


def heading_cell(value: str) -> str:
    return f'<th scope="row">{escape(value)}</th>'


def table(heading: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """``rows`` are of cells, which are HTML."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heading)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (
        '<div class="wide"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _resource(name: str) -> str:
    return files("cartwheel.charts").joinpath(name).read_text()


def _as_json(tracks: Sequence[Track], axis: TimeAxis) -> str:
    document = [
        {
            "words": track.words,
            "rows": [[round(axis.share(at), 5), *values] for at, values in track.rows],
        }
        for track in tracks
    ]
    return json.dumps(document, separators=(",", ":")).replace("<", "\\u003c")
