"""Times and durations as the Kubernetes API writes them."""

import re
from datetime import datetime

_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)", re.ASCII)
_DURATION = re.compile(f"0|(?:{_PART.pattern})+", re.ASCII)
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_time(text: str | None) -> float | None:
    """Seconds since the epoch of `2026-11-26T10:00:04Z`; None for none."""
    return datetime.fromisoformat(text).timestamp() if text else None


def parse_duration(text: str) -> float:
    """Seconds of a duration of Go, `1m30s` or `10.003s`. Raises `ValueError`."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no duration such as 1m30s")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
