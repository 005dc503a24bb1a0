"""A canvas that collects SVG elements: basic shapes, and parts such as wheels and crates.

A picture is a square of 320 units. All lines have the same width and round ends, filled shapes
have one colour, and the colours come from the category's palette. Later shapes cover earlier ones.
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
    """The colours of one category: background, a shade of it, dark ink, and two main colours."""

    tile: str
    shade: str
    ink: str
    main: str
    second: str
    light: str = "#FFFDF9"


class SvgCanvas:
    """Collects the elements of one picture. ``seed`` decides how its wheels are turned."""

    def __init__(self, palette: Palette, *, seed: str) -> None:
        self.palette = palette
        self._random = Random(seed)
        self._elements: list[str] = []

    # Shapes

    def polyline(self, *points: Point, colour: str | None = None) -> None:
        """A line through ``points``."""
        self.path("M" + "L".join(_coordinates(x, y) for x, y in points), colour=colour)

    def path(self, data: str, *, colour: str | None = None) -> None:
        """A line along an SVG path."""
        stroke = f' stroke="{colour}"' if colour else ""
        self._elements.append(f'<path d="{data}"{stroke}/>')

    def filled_path(self, data: str, fill: str) -> None:
        """A filled shape with rounded corners, bounded by an SVG path."""
        self._elements.append(f'<path d="{data}z" fill="{fill}" stroke="{fill}"/>')

    def polygon(self, *points: Point, fill: str) -> None:
        """A filled polygon with rounded corners."""
        self.filled_path("M" + "L".join(_coordinates(x, y) for x, y in points), fill)

    def rect(self, x: float, y: float, width: float, height: float, *, fill: str) -> None:
        """A filled rectangle with rounded corners; ``x, y`` is the upper left one."""
        self.filled_path(
            f"M{_coordinates(x, y)}h{_number(width)}v{_number(height)}h{_number(-width)}", fill
        )

    def filled_circle(self, x: float, y: float, radius: float, *, fill: str) -> None:
        """A filled circle."""
        self._add_circle(x, y, radius, f' fill="{fill}" stroke="none"')

    def circle(self, x: float, y: float, radius: float, *, colour: str | None = None) -> None:
        """The outline of a circle: a tyre, rim or rail."""
        self._add_circle(x, y, radius, f' stroke="{colour}"' if colour else "")

    def filled_ellipse(self, x: float, y: float, across: float, down: float, *, fill: str) -> None:
        """A filled ellipse; ``across`` and ``down`` are its radii."""
        self._add_ellipse(x, y, across, down, f' fill="{fill}" stroke="none"')

    def ellipse(self, x: float, y: float, across: float, down: float, *, colour: str) -> None:
        """The outline of an ellipse."""
        self._add_ellipse(x, y, across, down, f' stroke="{colour}"')

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
        """Spokes from the hub to ``radius``, turned at random unless ``start`` is given."""
        turn = self._random.random() if start is None else start
        ends = around(x, y, radius, count, start=turn)
        self.path(
            "".join(f"M{_coordinates(x, y)}L{_coordinates(*end)}" for end in ends), colour=colour
        )

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
        """A wheel with spokes; ``radius`` reaches the outside of its tyre."""
        middle = radius - LINE / 2
        self.spokes(x, y, middle, spokes, colour=spoke or self.palette.shade)
        self.circle(x, y, middle, colour=tyre)
        self.filled_circle(x, y, max(6, radius / 7), fill=hub or self.palette.ink)

    def solid_wheel(
        self,
        x: float,
        y: float,
        radius: float,
        *,
        fill: str | None = None,
        hub: str | None = None,
    ) -> None:
        """A wheel without spokes: of a skate, a castor or a toy."""
        self.filled_circle(x, y, radius, fill=fill or self.palette.ink)
        self.filled_circle(x, y, radius * 0.36, fill=hub or self.palette.light)

    def gear(self, x: float, y: float, radius: float, teeth: int, *, fill: str) -> None:
        """A cogwheel; ``radius`` reaches the tips of its teeth."""
        self.spokes(x, y, radius - LINE / 2, teeth, colour=fill)
        self.filled_circle(x, y, radius - LINE, fill=fill)

    def crate(
        self, x: float, y: float, width: float, height: float, *, slats: int, fill: str
    ) -> None:
        """A wooden crate of horizontal slats."""
        pitch = height / slats
        for row in range(slats):
            self.rect(x + 3, y + row * pitch + 3, width - 6, pitch - 11, fill=fill)
        for post in (x + 6, x + width - 6):
            self.polyline((post, y), (post, y + height - 4))

    def grip(self, *points: Point) -> None:
        """The grip of a handle."""
        self.polyline(*points, colour=self.palette.second)

    def ground(self, left: float = 48, right: float = 272, y: float = GROUND) -> None:
        """The ground under the object."""
        self.polyline((left, y + LINE / 2), (right, y + LINE / 2), colour=self.palette.shade)

    # Output

    def to_svg(self, title: str) -> str:
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

    def _add_circle(self, x: float, y: float, radius: float, paint: str) -> None:
        self._elements.append(
            f'<circle cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"{paint}/>'
        )

    def _add_ellipse(self, x: float, y: float, across: float, down: float, paint: str) -> None:
        self._elements.append(
            f'<ellipse cx="{_number(x)}" cy="{_number(y)}"'
            f' rx="{_number(across)}" ry="{_number(down)}"{paint}/>'
        )


def around(x: float, y: float, radius: float, count: int, *, start: float = 0.0) -> Sequence[Point]:
    """``count`` points on a circle; the first lies ``start`` of a step after three o'clock."""
    angles = [2 * pi * (step + start) / count for step in range(count)]
    return [(x + radius * cos(angle), y + radius * sin(angle)) for angle in angles]


def _coordinates(x: float, y: float) -> str:
    return f"{_number(x)} {_number(y)}"


def _number(value: float) -> str:
    """A coordinate with at most one decimal, in as few characters as possible."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
