"""Spans of time, as people write them."""


def format_span(seconds: float) -> str:
    """A time span in its largest unit."""
    if seconds < 120:
        return f"{max(seconds, 0):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
