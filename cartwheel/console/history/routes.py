"""`/api/history` and `/api/frames`: the past, of a live console or of a recording."""

import asyncio
import json
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cartwheel.console.history.archive import Archive
from cartwheel.console.history.points import GAP_FACTOR, OLD_SPACING, columns
from cartwheel.console.server import number_of
from cartwheel.errors import UsageError
from cartwheel.mesh import Frame

DEFAULT_POINTS = 600
MAX_POINTS = 5000
MAX_FRAME_AGE = GAP_FACTOR * OLD_SPACING
"""Seconds after a frame in which it is still what there was; later there is a gap."""
NOTHING = "Nothing was recorded then"
WHY_NOTHING = "The shop or the console did not run."


def history_routes(archive: Archive) -> list[Route]:
    """The routes over an archive."""

    async def get_history(request: Request) -> Response:
        start, end = number_of(request, "from"), number_of(request, "to")
        count = number_of(request, "points", DEFAULT_POINTS)
        found = await asyncio.to_thread(_history, archive, start, end, int(count or 1))
        return JSONResponse(found)

    async def get_frame(request: Request) -> Response:
        at = number_of(request, "at")
        if at is None:
            raise UsageError("at is missing: the time in seconds since the epoch.")
        frame = await asyncio.to_thread(archive.frame_at, at)
        if frame is None or at - frame.at > MAX_FRAME_AGE:
            nothing = Frame(at, headline=NOTHING, problem=f"{NOTHING}. {WHY_NOTHING}")
            return JSONResponse(asdict(nothing))
        return Response(frame.json, media_type="application/json")

    return [Route("/api/history", get_history), Route("/api/frames", get_frame)]


def _history(
    archive: Archive, start: float | None, end: float | None, count: int
) -> dict[str, Any]:
    span = archive.span()
    first, last = span or (0.0, 0.0)
    start, end = first if start is None else start, last if end is None else end
    points = columns(
        archive.points(start, end), start=start, end=end, count=min(max(count, 1), MAX_POINTS)
    )
    metric, unit = _metric(archive, end)
    return {
        "points": points,
        "marks": [asdict(one) for one in archive.marks(start, end)],
        "metric": metric,
        "unit": unit,
        # Of all that there is, not only of what was asked for.
        "start": span and first,
        "end": span and last,
    }


def _metric(archive: Archive, end: float) -> tuple[str, str]:
    frame = archive.frame_at(end)
    autoscaler = json.loads(frame.json)["autoscaler"] if frame else None
    return (autoscaler["metric"], autoscaler["unit"]) if autoscaler else ("", "")
