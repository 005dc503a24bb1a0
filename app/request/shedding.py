"""The outermost layer: what admission control would shed anyway is refused before any other work.

A refusal costs the CPU that the requests in flight need, and there are most refusals when there is
least CPU. So the responses are made in advance, and no further layer sees such a request: that
takes 19 µs instead of 81 µs. It is counted like any other. Its headers are not checked.

A request with a body is read first, and then shed by `RequestMiddleware`: a response before the
end of the body would cost the connection.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import MEDIA_TYPE
from app.headers import HeaderLines
from app.request.admission import AdmissionControl, Overloaded, Priority
from app.request.bodies import has_body
from app.request.context import Headers, request_id_of
from app.request.operations import Operations
from app.request.routing import RouteTable
from app.telemetry.context import new_short_id
from app.telemetry.metrics import Metrics, method_label

NO_HEADERS: Mapping[str, str] = {}
_ID = "{request id}"


class ReadyPage(NamedTuple):
    """A response made in advance: its headers besides those of every refusal, and its body."""

    headers: HeaderLines
    body: bytes


PageFor = Callable[[Scope, Headers], ReadyPage | None]
"""The page for a request; None for a program, which gets the problem."""


class Refusals:
    """The responses to what is shed.

    `headers` are added to each. They are made once: only the request id differs.
    """

    def __init__(
        self, *, headers: Mapping[str, str] = NO_HEADERS, page_for: PageFor | None = None
    ) -> None:
        problem = Overloaded()
        self.status = problem.status
        common = {**problem.headers, "cache-control": "no-store", **headers}
        self._common = [(name.encode(), value.encode()) for name, value in common.items()]
        self._problem_headers = [*self._common, (b"content-type", MEDIA_TYPE.encode())]
        document = json.dumps(problem.content(_ID), separators=(",", ":"))
        self._problem_pieces = document.encode().split(_ID.encode())
        self._page_for = page_for

    def response(
        self, scope: Scope, headers: Headers, *, request_id: bytes
    ) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """The headers and the body of the response to a request with these `headers`."""
        page = None if self._page_for is None else self._page_for(scope, headers)
        if page is None:
            body = request_id.join(self._problem_pieces)
            lines = self._problem_headers.copy()
        else:
            body = page.body
            lines = [*self._common, *page.headers]
        lines += (b"content-length", b"%d" % len(body)), (b"x-request-id", request_id)
        return lines, body


class Shedding:
    """ASGI middleware; see the module's docstring."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Callable[[], RouteTable],
        metrics: Metrics,
        operations: Operations,
        admission: AdmissionControl,
        priorities: Mapping[str, Priority],
        refusals: Refusals,
    ) -> None:
        self.app = app
        self._routes = routes
        self._metrics = metrics
        self._operations = operations
        self._admission = admission
        self._priorities = priorities
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._admission.is_busy or not self._may_shed(scope):
            await self.app(scope, receive, send)
            return
        started = time.monotonic()
        headers = dict(scope["headers"])  # the last one of a name
        routed_method = "GET" if scope["method"] == "HEAD" else scope["method"]
        route = self._routes().find(scope["path"], routed_method).template
        priority = self._priorities.get(f"{routed_method} {route}", Priority.NORMAL)
        if has_body(headers) or not self._admission.try_shed(priority):
            await self.app(scope, receive, send)
            return
        method = method_label(scope["method"])
        self._metrics.request_started(route, method)
        try:
            await self._refuse(scope, headers, send)
        finally:
            seconds = time.monotonic() - started
            self._metrics.request_finished(route, method, self._refusals.status, seconds)

    def _may_shed(self, scope: Scope) -> bool:
        return scope["type"] == "http" and not self._operations.handles(scope)

    async def _refuse(self, scope: Scope, headers: Headers, send: Send) -> None:
        request_id = (request_id_of(headers) or new_short_id()).encode()
        lines, body = self._refusals.response(scope, headers, request_id=request_id)
        status = self._refusals.status
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": body})
