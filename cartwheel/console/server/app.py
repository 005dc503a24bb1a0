"""The console as an ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.types import ASGIApp

from cartwheel.console.live import Live
from cartwheel.console.server.access import Access, AccessControl
from cartwheel.console.server.event_stream import EventStream
from cartwheel.console.server.part import Part, keep_running
from cartwheel.console.server.problems import HANDLERS
from cartwheel.console.server.session import Session, session_route
from cartwheel.console.server.static_files import ROUTES as STATIC_ROUTES


def create_app(
    parts: Sequence[Part],
    access: Access,
    *,
    live: Live,
    stream: EventStream,
    session: Callable[[], Session],
) -> ASGIApp:
    """Serve the page, the stream and the routes of all parts, and run the parts meanwhile."""

    @asynccontextmanager
    async def run_parts(_: Any) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(keep_running(part, live)) for part in parts]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    routes = [
        *STATIC_ROUTES,
        session_route(session),
        *stream.routes,
        *(route for part in parts for route in part.routes),
    ]
    app = Starlette(routes=routes, exception_handlers=HANDLERS, lifespan=run_parts)
    return AccessControl(app, access)
