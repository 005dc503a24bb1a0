"""The style sheets: contrast, and where colours may be."""

import re
from pathlib import Path

import pytest

import services.storefront

STATIC = Path(services.storefront.__file__).parent / "static"
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(")

TEXT_PAIRS = [
    (text, ground)
    for text in ("ink", "quiet", "accent", "good", "wait")
    for ground in ("paper", "raised")
] + [
    ("on-accent", "accent"),
    ("on-accent", "accent-deep"),
    ("ink", "good-wash"),
    ("ink", "wait-wash"),
    ("ink", "accent-wash"),
    ("quiet", "wait-wash"),
    ("quiet", "accent-wash"),
    ("ink", "ground-bicycles"),
    ("quiet", "ground-bicycles"),
    ("paper", "ink"),
]
SIGN_PAIRS = [
    ("good", "good-wash"),
    ("wait", "wait-wash"),
    ("accent", "accent-wash"),
    ("accent", "ground-bicycles"),
    ("quiet", "raised"),
    ("ink", "raised"),
]


def palettes() -> dict[str, dict[str, str]]:
    screen, paper = (STATIC / "tokens.css").read_text().split("@media print")
    light, dark = screen.split("prefers-color-scheme: dark")
    day, night, printed = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", part)) for part in (light, dark, paper)
    )
    return {"light": day, "dark": day | night, "paper": day | night | printed}


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2."""
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_can_be_read(theme: str, text: str, ground: str) -> None:
    colours = palettes()[theme]
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark", "paper"])
@pytest.mark.parametrize(("sign", "ground"), SIGN_PAIRS)
def test_signs_can_be_seen(theme: str, sign: str, ground: str) -> None:
    colours = palettes()[theme]
    assert contrast(colours[sign], colours[ground]) >= 3


def test_colours_are_in_one_file() -> None:
    # Icons are files of their own that no style sheet reaches.
    icons = ("favicon.svg", "apple-touch-icon.png")
    others = [path for path in STATIC.iterdir() if path.name not in ("tokens.css", *icons)]
    assert [path.name for path in others if COLOUR.search(path.read_text())] == []


def test_every_token_that_is_used_is_there() -> None:
    sheet, tokens = ((STATIC / name).read_text() for name in ("shop.css", "tokens.css"))
    used = set(re.findall(r"var\(--([a-z0-9-]+)\)", sheet))
    known = set(re.findall(r"--([a-z0-9-]+):", tokens + sheet))
    assert used <= known


def test_nothing_depends_on_left_and_right() -> None:
    sheet = (STATIC / "shop.css").read_text()
    assert re.findall(r"(?:margin|padding|border)-(?:left|right)|\b(?:left|right):", sheet) == []
