"""Durations as people write them: `30s`, `5m`, `1.5h`, `7d`."""

import re

from cartwheel.errors import UsageError

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_FORM = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")


def parse_duration(text: str) -> float:
    """Seconds; a number without a unit is seconds. Raises `UsageError`."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no duration. Examples: 500ms, 30s, 5m, 7d.")
    return float(match[1]) * SECONDS[match[2] or "s"]


def format_duration(seconds: float) -> str:
    """In the largest unit that needs at most one decimal: 750 ms, 12.5 s, 3 min, 2 h, 7 d."""
    for limit, divisor, unit in (
        (1, 0.001, "ms"),
        (120, 1, "s"),
        (7200, 60, "min"),
        (172_800, 3600, "h"),
    ):
        if seconds < limit:
            return f"{_short(seconds / divisor)} {unit}"
    return f"{_short(seconds / 86_400)} d"


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
