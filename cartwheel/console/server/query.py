"""What a URL's query asks for."""

import math

from starlette.requests import Request

from cartwheel.errors import UsageError

MAX_NUMBER = 1e11
"""As a time, the year 5138: dates have no years of more than four digits."""


def number_of(request: Request, name: str, default: float | None = None) -> float | None:
    """A time or a count of the query. Raises `UsageError` for anything else."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MAX_NUMBER:
        raise UsageError(f"{name} is no number from 0 to {MAX_NUMBER:g}: {text[:40]!r}.")
    return value
