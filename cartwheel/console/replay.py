"""The console of a recording: what it shows, and nothing that could be changed."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cartwheel.console.explanation_json import explanation_json, no_explanation_json
from cartwheel.console.history.routes import history_routes
from cartwheel.console.live import Live
from cartwheel.console.server import Contents, Session, number_of, problem
from cartwheel.console.server.event_stream import EventStream
from cartwheel.console.sessions.recorded_session import RecordedSession
from cartwheel.errors import CommandError

READ_ONLY = "This is a recording: nothing can be changed."
ALL_METHODS = ["GET", "POST", "PUT", "DELETE"]


def recorded_console(path: Path) -> Contents:
    """What the console of this file shows and serves. Raises `CommandError`."""
    recorded = RecordedSession(path)
    start, end = recorded.span()
    day = datetime.fromtimestamp(start).astimezone()
    session = Session(
        "recording",
        f"{path.name}, {day:%d %b %Y, %H:%M}",
        start=start,
        end=end,
        read_only_reason=READ_ONLY,
    )
    live = Live()
    return Contents(live, EventStream(live), parts=[Recording(recorded)], session=lambda: session)


class Recording:
    """A part of the console: the past, as the file has it."""

    def __init__(self, recorded: RecordedSession) -> None:
        self._recorded = recorded

    @property
    def routes(self) -> Sequence[Route]:
        return [
            *history_routes(self._recorded.archive),
            Route("/api/explanation", self._explain),
            Route("/api/{path:path}", _refuse, methods=ALL_METHODS),
        ]

    async def run(self) -> None:
        """Nothing happens in the background; the file is closed at the end."""
        with self._recorded:
            await asyncio.Event().wait()

    async def _explain(self, request: Request) -> Response:
        at = number_of(request, "at")
        try:
            found = await asyncio.to_thread(self._recorded.explanation, at)
        except CommandError as error:
            return JSONResponse(no_explanation_json(at or 0.0, str(error)))
        return JSONResponse(explanation_json(found))


async def _refuse(_: Request) -> Response:
    """What only a live console has."""
    return problem(409, "A recording", READ_ONLY)
