"""The vocabulary of the shop's pictures: what a wheel, a tube, a crate look like.

A picture is a square of 320 units. Lines have one weight and round ends, solids are flat,
colours come from the category's palette. A drawing asks for parts in the order in which
they lie on top of each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import cos, pi, sin
from random import Random

SIZE = 320
LINE = 7
GROUND = 258

Point = tuple[float, float]


@dataclass(frozen=True)
class Palette:
    """The colours of one category: the tile, a shade of it, dark ink and two that speak."""

    tile: str
    shade: str
    ink: str
    main: str
    second: str
    light: str = "#FFFDF9"


class Pen:
    """Draws parts and keeps them as SVG elements. ``seed`` decides how wheels have come to rest."""

    def __init__(self, palette: Palette, *, seed: str) -> None:
        self.palette = palette
        self._chance = Random(seed)
        self._elements: list[str] = []

    # Lines and solids

    def line(self, *points: Point, colour: str | None = None) -> None:
        """A tube, rod or rope through ``points``."""
        self.curve("M" + "L".join(_pair(x, y) for x, y in points), colour=colour)

    def curve(self, path: str, *, colour: str | None = None) -> None:
        """A bent tube along an SVG path."""
        stroke = f' stroke="{colour}"' if colour else ""
        self._elements.append(f'<path d="{path}"{stroke}/>')

    def solid(self, path: str, fill: str) -> None:
        """A flat body with softened corners, within an SVG path."""
        self._elements.append(f'<path d="{path}z" fill="{fill}" stroke="{fill}"/>')

    def plate(self, *points: Point, fill: str) -> None:
        """A flat body with straight edges and softened corners."""
        self.solid("M" + "L".join(_pair(x, y) for x, y in points), fill)

    def box(self, x: float, y: float, width: float, height: float, *, fill: str) -> None:
        """An upright rectangle with softened corners; ``x, y`` is the upper left one."""
        self.solid(f"M{_pair(x, y)}h{_n(width)}v{_n(height)}h{_n(-width)}", fill)

    def disc(self, x: float, y: float, radius: float, *, fill: str) -> None:
        """A round plate."""
        self._circle(x, y, radius, f' fill="{fill}" stroke="none"')

    def ring(self, x: float, y: float, radius: float, *, colour: str | None = None) -> None:
        """A hoop: tyre, rim or rail."""
        self._circle(x, y, radius, f' stroke="{colour}"' if colour else "")

    def oval(self, x: float, y: float, across: float, down: float, *, fill: str) -> None:
        """A round plate seen from the side; ``across`` and ``down`` are its radii."""
        self._ellipse(x, y, across, down, f' fill="{fill}" stroke="none"')

    def hoop(self, x: float, y: float, across: float, down: float, *, colour: str) -> None:
        """A ring seen from the side."""
        self._ellipse(x, y, across, down, f' stroke="{colour}"')

    # Parts

    def spokes(
        self,
        x: float,
        y: float,
        radius: float,
        count: int,
        *,
        colour: str | None = None,
        start: float | None = None,
    ) -> None:
        """Spokes from the hub to ``radius``, at rest where chance left them."""
        turn = self._chance.random() if start is None else start
        ends = around(x, y, radius, count, start=turn)
        self.curve("".join(f"M{_pair(x, y)}L{_pair(*end)}" for end in ends), colour=colour)

    def wheel(
        self,
        x: float,
        y: float,
        radius: float,
        *,
        spokes: int = 8,
        tyre: str | None = None,
        spoke: str | None = None,
        hub: str | None = None,
    ) -> None:
        """A spoked wheel; ``radius`` reaches the outside of its tyre."""
        middle = radius - LINE / 2
        self.spokes(x, y, middle, spokes, colour=spoke or self.palette.shade)
        self.ring(x, y, middle, colour=tyre)
        self.disc(x, y, max(6, radius / 7), fill=hub or self.palette.ink)

    def roller(
        self,
        x: float,
        y: float,
        radius: float,
        *,
        fill: str | None = None,
        hub: str | None = None,
    ) -> None:
        """A solid wheel: skate wheel, castor, toy wheel."""
        self.disc(x, y, radius, fill=fill or self.palette.ink)
        self.disc(x, y, radius * 0.36, fill=hub or self.palette.light)

    def gear(self, x: float, y: float, radius: float, teeth: int, *, fill: str) -> None:
        """A cog; ``radius`` reaches the tips of its teeth."""
        self.spokes(x, y, radius - LINE / 2, teeth, colour=fill)
        self.disc(x, y, radius - LINE, fill=fill)

    def crate(
        self, x: float, y: float, width: float, height: float, *, slats: int, fill: str
    ) -> None:
        """A wooden box of horizontal slats."""
        pitch = height / slats
        for row in range(slats):
            self.box(x + 3, y + row * pitch + 3, width - 6, pitch - 11, fill=fill)
        for post in (x + 6, x + width - 6):
            self.line((post, y), (post, y + height - 4))

    def grip(self, *points: Point) -> None:
        """The end of a handle, where a hand goes."""
        self.line(*points, colour=self.palette.second)

    def ground(self, left: float = 48, right: float = 272, y: float = GROUND) -> None:
        """What the thing stands on."""
        self.line((left, y + LINE / 2), (right, y + LINE / 2), colour=self.palette.shade)

    # The picture

    def picture(self, title: str) -> str:
        """The finished SVG document."""
        tile, shade, ink = self.palette.tile, self.palette.shade, self.palette.ink
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}"'
            f' width="{SIZE}" height="{SIZE}" role="img"><title>{escape(title)}</title>'
            f'<path fill="{tile}" d="M0 0h{SIZE}v{SIZE}H0z"/>'
            f'<circle cx="160" cy="160" r="128" fill="{shade}" opacity=".45"/>'
            f'<g fill="none" stroke="{ink}" stroke-width="{LINE}" stroke-linecap="round"'
            f' stroke-linejoin="round">{"".join(self._elements)}</g></svg>'
        )

    def _circle(self, x: float, y: float, radius: float, paint: str) -> None:
        self._elements.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"{paint}/>')

    def _ellipse(self, x: float, y: float, across: float, down: float, paint: str) -> None:
        self._elements.append(
            f'<ellipse cx="{_n(x)}" cy="{_n(y)}" rx="{_n(across)}" ry="{_n(down)}"{paint}/>'
        )


def around(x: float, y: float, radius: float, count: int, *, start: float = 0.0) -> Sequence[Point]:
    """``count`` points on a circle, beginning ``start`` of one step past three o'clock."""
    angles = [2 * pi * (step + start) / count for step in range(count)]
    return [(x + radius * cos(angle), y + radius * sin(angle)) for angle in angles]


def _pair(x: float, y: float) -> str:
    return f"{_n(x)} {_n(y)}"


def _n(value: float) -> str:
    """A coordinate in as few characters as a tenth of a unit needs."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
