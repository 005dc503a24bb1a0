"""The console as an ASGI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from cartwheel.console.server.access import Access, AccessControl
from cartwheel.console.server.contents import Contents
from cartwheel.console.server.part import keep_running
from cartwheel.console.server.problems import HANDLERS
from cartwheel.console.server.session import session_route
from cartwheel.console.server.static_files import ROUTES as STATIC_ROUTES

MIN_COMPRESSED = 1024
"""Bytes of a response that is worth to be compressed."""


def create_app(contents: Contents, access: Access) -> ASGIApp:
    """Serve the page, the stream and the routes of all parts, and run the parts meanwhile."""

    @asynccontextmanager
    async def run_parts(_: Any) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(keep_running(part, contents.live)) for part in contents.parts]
        try:
            yield
        finally:
            # The first ones keep what the others say at their end.
            for task in reversed(tasks):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    routes = [
        *STATIC_ROUTES,
        session_route(contents.session),
        *contents.stream.routes,
        *(route for part in contents.parts for route in part.routes),
    ]
    app = Starlette(
        routes=routes,
        # The stream of events is left out, and static files, which are compressed already.
        middleware=[Middleware(GZipMiddleware, minimum_size=MIN_COMPRESSED)],
        exception_handlers=HANDLERS,
        lifespan=run_parts,
    )
    return AccessControl(app, access)
