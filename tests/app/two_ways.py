"""The same routes compiled and served by FastAPI: both have to answer alike."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.types import Message

from app.factory import create_app
from app.process.health import Health
from app.request.media_types import FORM, JSON
from app.request.routing import RouteTable
from app.settings import ServiceSettings, load
from app.telemetry.metrics import Metrics

Lines = Sequence[tuple[str, bytes]]
Configure = Callable[[FastAPI], None]

NOTES: list[str] = []
"""What the functions of a route note during one request, beside what is sent."""


@dataclass(frozen=True)
class Answer:
    """What one app sent, and what its functions noted meanwhile."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    notes: Sequence[str]

    def values(self, name: bytes) -> list[bytes]:
        """The values of a header."""
        return [value for one, value in self.headers if one == name]


def compiled_operations(table: RouteTable) -> set[tuple[str, str]]:
    """Every (template, method) that is answered without FastAPI."""
    return {each for each in table.operations() if table.find(*each).compiled is not None}


class TwoWays:
    """Two apps with the same routes."""

    def __init__(self, *routers: APIRouter, configure: Configure | None = None) -> None:
        self.compiled = _app(routers, compile_routes=True)
        self.plain = _app(routers, compile_routes=False)
        if configure is not None:
            for app in (self.compiled, self.plain):
                configure(app)

    @property
    def compiled_routes(self) -> set[str]:
        """The templates of the compiled routes, without those that every app has."""
        table: RouteTable = self.compiled.route_table  # type: ignore[attr-defined]
        found = {template for template, _ in compiled_operations(table)}
        return found - {"/openapi.json", "/docs"}

    async def answer(self, method: str, path: str, **request: Any) -> Answer:
        """What both answer, which is the same."""
        compiled = await self._ask(self.compiled, method, path, **request)
        plain = await self._ask(self.plain, method, path, **request)
        assert compiled == plain
        return compiled

    async def _ask(
        self,
        app: FastAPI,
        method: str,
        path: str,
        *,
        query: bytes = b"",
        lines: Lines = (),
        body: bytes | None = None,
        media_type: bytes = JSON.encode(),
        leaves: bool = False,
    ) -> Answer:
        """`leaves` is for a client that is gone when its request has been read."""
        NOTES.clear()
        headers = [(name.lower().encode(), value) for name, value in lines]
        headers.append((b"x-request-id", b"the-same-for-both"))
        if body is not None:
            headers += [(b"content-length", b"%d" % len(body)), (b"content-type", media_type)]
        incoming: list[Message] = [
            {"type": "http.request", "body": body or b"", "more_body": False},
        ]
        sent: list[Message] = []

        async def receive() -> Message:
            if incoming:
                return incoming.pop(0)
            if not leaves:
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            NOTES.append(message["type"])

        await app(_scope(method, path, query, headers), receive, send)
        start = next(one for one in sent if one["type"] == "http.response.start")
        content = b"".join(one.get("body", b"") for one in sent)
        return Answer(start["status"], start["headers"], content, list(NOTES))


_MADE: list[tuple[object, TwoWays]] = []


def two_ways(*routers: APIRouter, configure: Configure | None = None) -> TwoWays:
    """The two apps for tests that leave them as they are: making them takes a while."""
    key = (*routers, configure)
    for known, ways in _MADE:
        if known == key:
            return ways
    _MADE.append((key, TwoWays(*routers, configure=configure)))
    return _MADE[-1][1]


def _scope(
    method: str, path: str, query: bytes, headers: Sequence[tuple[bytes, bytes]]
) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "server": ("shop", 80),
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "state": {},
    }


def _app(routers: Sequence[APIRouter], *, compile_routes: bool) -> FastAPI:
    return create_app(
        load(ServiceSettings, compile_routes=compile_routes),
        service="small",
        description="A service for tests.",
        metrics=Metrics("small"),
        health=Health(),
        lifespan=_lifespan,
        routers=routers,
        accepted=(JSON, FORM),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    yield {}
