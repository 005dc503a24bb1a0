"""The edge: what happens to every request before and after the app sees it.

One plain ASGI layer, because each further one costs every request: it counts the arrival, binds
the request's context, reads the body, asks for admission, turns what went wrong into a problem,
and records the answer. Probes and the metrics page come before it: they are never shed, and a
scaling signal must not rise with the number of those who watch it.
"""

import time
from collections.abc import Callable, Mapping

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BadRequest, Internal, Problem
from app.request.admission import Admission, Priority
from app.request.bodies import (
    JSON,
    ClientDisconnected,
    check_json,
    discard,
    media_type_of,
    read_body,
    replay,
)
from app.request.operations import Operations
from app.request.problems import problem_response
from app.request.routing import RouteTable
from app.settings import ServiceSettings
from app.telemetry.context import (
    RequestContext,
    current_context,
    deadline_from,
    from_headers,
    use_context,
)
from app.telemetry.logs import get_logger
from app.telemetry.metrics import METHODS, OTHER, Metrics

CLIENT_GONE = 499
"""Recorded when nobody is left to be answered; the number nginx gave it."""
LINGER = 1.0
"""Seconds a caller whose body was refused may go on sending before the connection is closed."""

_WANTED = frozenset(
    {
        b"x-request-id",
        b"traceparent",
        b"tracestate",
        b"x-request-timeout-ms",
        b"content-length",
        b"transfer-encoding",
        b"content-type",
        b"content-encoding",
    }
)
_EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
_Headers = Mapping[bytes, bytes]


class Edge:
    """ASGI middleware; see the module's docstring.

    `priorities` maps "METHOD /route/{template}" to a priority; others are normal. `accepted` are
    the media types a body may have. `public` edges are reached by strangers: the time budget they
    send is ignored, since a call cut short by it would look like a slow neighbour.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: ServiceSettings,
        metrics: Metrics,
        operations: Operations,
        priorities: Mapping[str, Priority],
        accepted: frozenset[str],
        public: bool = False,
    ) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._operations = operations
        self._priorities = priorities
        self._accepted = accepted
        self._public = public
        self._routes: RouteTable | None = None
        self._admission = Admission(
            metrics,
            limit=settings.max_in_flight,
            max_queued=settings.max_queued,
            queue_timeout=settings.queue_timeout,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else OTHER
        if method == "HEAD":
            # Whatever answers GET answers HEAD; the server leaves the body out.
            scope = {**scope, "method": "GET"}
        if self._operations.answers(scope):
            await self._operations.answer(scope, receive, send)
            return
        started = time.perf_counter()
        route = self._route_table(scope["app"].routes).resolve(scope["path"], scope["method"])
        self._metrics.request_arrived(route, method)
        self._metrics.requests_in_flight.inc()
        headers = {name: value for name, value in scope["headers"] if name in _WANTED}
        context, refusal = self._context(headers)
        answer = _Answer(send, context.request_id)
        with use_context(context):
            try:
                if refusal is not None:
                    raise refusal
                receive = await self._with_body(scope, receive, headers)
                await self._admitted(scope, receive, answer, f"{scope['method']} {route}")
            except ClientDisconnected:
                answer.status = CLIENT_GONE
            except Problem as problem:
                await answer.refuse(problem, scope, receive)
            except Exception:
                get_logger().exception("request.failed", route=route, method=method)
                await answer.refuse(Internal("Something went wrong here."), scope, receive)
            finally:
                self._metrics.requests_in_flight.dec()
                finished = answer.streaming_since or time.perf_counter()
                self._metrics.request_answered(route, method, answer.status, finished - started)

    def _route_table(self, routes: list[BaseRoute]) -> RouteTable:
        # Made with the first request: a service may mount files after the edge was added.
        if self._routes is None:
            self._routes = RouteTable(routes)
        return self._routes

    def _context(self, headers: _Headers) -> tuple[RequestContext, Problem | None]:
        """The request's context, and the refusal if its time budget is spent or malformed."""
        deadline, refusal = None, None
        budget = None if self._public else _text(headers, b"x-request-timeout-ms")
        try:
            deadline = deadline_from(budget, default=self._settings.request_timeout)
        except Problem as problem:
            refusal = problem
        context = from_headers(
            _text(headers, b"x-request-id"),
            _text(headers, b"traceparent"),
            _text(headers, b"tracestate"),
            deadline=deadline,
        )
        return context, refusal

    async def _with_body(self, scope: Scope, receive: Receive, headers: _Headers) -> Receive:
        """A `receive` with the whole body, read before a slot is taken: slow senders hold none."""
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            raise BadRequest("The address has a NUL character.")
        declared = headers.get(b"content-length")
        if declared in (None, b"0") and b"transfer-encoding" not in headers:
            return receive
        body = await read_body(
            receive,
            declared=declared,
            limit=self._settings.body_limit,
            seconds=self._settings.body_timeout,
        )
        if body:
            content_type, encoding = headers.get(b"content-type"), headers.get(b"content-encoding")
            if media_type_of(content_type, encoding, self._accepted) == JSON:
                check_json(body)
        return replay(body, receive)

    async def _admitted(
        self, scope: Scope, receive: Receive, answer: "_Answer", operation: str
    ) -> None:
        priority = self._priorities.get(operation, Priority.NORMAL)
        await self._admission.enter(priority, seconds=current_context().time_left())
        slot = _Slot(self._admission)
        answer.on_stream = slot.free
        try:
            await self._app(scope, receive, answer.send)
        finally:
            slot.free()


class _Slot:
    """A place in `Admission`, given back once: by a stream when it begins, by others at the end."""

    def __init__(self, admission: Admission) -> None:
        self._admission: Admission | None = admission

    def free(self) -> None:
        if self._admission is not None:
            self._admission.leave()
            self._admission = None


class _Answer:
    """The answer as it goes out: adds the request id, remembers what was sent."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id.encode()
        self._started = False
        self.status = Internal.status
        self.on_stream: Callable[[], None] | None = None
        self.streaming_since: float | None = None
        """When an event stream began: from then on it holds no slot and its time is not a delay."""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            self.status = message["status"]
            headers = [*message["headers"], (b"x-request-id", self._request_id)]
            if _EVENT_STREAM in headers and self.on_stream is not None:
                self.streaming_since = time.perf_counter()
                self.on_stream()
            message = {**message, "headers": headers}
        await self._send(message)

    async def refuse(self, problem: Problem, scope: Scope, receive: Receive) -> None:
        """Answer with `problem`, unless the answer has begun: then the connection is cut."""
        if self._started:
            return
        response = problem_response(problem)
        if problem.headers.get("connection") != "close":
            await response(scope, receive, self.send)
            return
        start = {"status": problem.status, "headers": response.raw_headers}
        await self.send({"type": "http.response.start", **start})
        await self.send({"type": "http.response.body", "body": response.body, "more_body": True})
        await discard(receive, seconds=LINGER)
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})


def _text(headers: _Headers, name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")
