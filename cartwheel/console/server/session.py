"""What is shown: a running shop, a cluster, or a recording."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


@dataclass(frozen=True)
class AvailableParts:
    """Which panels have something to talk to."""

    load: bool = False
    faults: bool = False
    autoscaler: bool = False


@dataclass(frozen=True)
class Session:
    """``start`` and ``end`` are of what can be shown; without an end it is live.

    ``read_only_reason``: why nobody may change anything here, in a sentence.
    """

    mode: Literal["local", "cluster", "recording"]
    title: str
    shop_url: str | None = None
    start: float | None = None
    end: float | None = None
    parts: AvailableParts = AvailableParts()
    read_only_reason: str = ""


def session_route(session: Callable[[], Session]) -> Route:
    """`/api/session`; ``session`` may read files, it is called in a thread."""

    async def get_session(_: Request) -> JSONResponse:
        return JSONResponse(asdict(await asyncio.to_thread(session)))

    return Route("/api/session", get_session)
