"""What a URL's query asks for."""

import math

from starlette.requests import Request

from cartwheel.errors import UsageError


def number_of(request: Request, name: str, default: float | None = None) -> float | None:
    """A number of the query. Raises `UsageError` for anything else."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e11:
        raise UsageError(f"{name} is no number: {text[:40]!r}.")
    return value
