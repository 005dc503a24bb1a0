"""The colours of the page."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOKENS = ROOT / "cartwheel" / "console" / "static" / "css" / "tokens.css"


def test_a_browser_that_has_no_two_themes_has_the_colours_of_the_light_one() -> None:
    before, fallback = TOKENS.read_text().split("@supports not (color: light-dark(red, red))")

    light = dict(re.findall(r"(--[a-z-]+): light-dark\((#\w+),", before))

    assert len(light) == before.count("light-dark(")
    assert dict(re.findall(r"(--[a-z-]+): (#\w+);", fallback)) == light
