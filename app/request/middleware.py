"""The stages that each request passes before and after the app.

One plain ASGI layer, because each further layer costs each request. The stages, in order:

1. Probes and metrics are answered at once (`operations`). They are never shed or counted: a
   scaling signal must not rise with the number of its readers.
2. The route is found (`routing`) and the request is counted (`app.telemetry.metrics`).
3. The request id, trace and deadline are read (`context`).
4. The address and the body are checked (`app.process.request_target`, `bodies`).
5. The request takes a slot, waits for one, or is shed (`admission`). What would be shed anyway
   and has no body does not get here: `shedding` has refused it, before all layers.
6. The route answers: the compiled one (`compiled_route`), else the app. An error becomes a
   problem (`problems`).
7. The response gets the request id (`responses`) and is counted with its duration.
"""

import time
from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from app.process.request_target import check_characters
from app.request.admission import AdmissionControl, Priority, Slot
from app.request.bodies import Body, BodyReader, ClientDisconnected, check_repetitions
from app.request.compiled_route import UncompiledRoute
from app.request.concurrency_limit import RouteLatency
from app.request.context import request_context
from app.request.operations import Operations
from app.request.problems import problem_for
from app.request.responses import ResponseSender
from app.request.routing import RouteMatch, RouteTable, head_as_get
from app.settings import ServiceSettings
from app.telemetry.context import current_context, use_context
from app.telemetry.metrics import Metrics, method_label

CLIENT_CLOSED_REQUEST = 499
"""Recorded when the caller is gone before the response; nginx uses the same number."""


class RequestMiddleware:
    """ASGI middleware; see the module's docstring.

    `priorities` maps "METHOD /route/{template}" to a priority; others are normal. `accepted` are
    the media types a body may have. A `public` service is reached by strangers and ignores the
    time budget they send, since a call cut short by it would look like a slow upstream.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Callable[[], RouteTable],
        settings: ServiceSettings,
        metrics: Metrics,
        operations: Operations,
        admission: AdmissionControl,
        priorities: Mapping[str, Priority],
        accepted: frozenset[str],
        public: bool = False,
    ) -> None:
        self._app = app
        self._uncompiled = UncompiledRoute(app)
        self._metrics = metrics
        self._operations = operations
        self._priorities = priorities
        self._seen: dict[tuple[str, str], tuple[Priority, RouteLatency]] = {}
        self._default_timeout = settings.request_timeout
        self._trust_timeout = not public
        self._routes = routes
        self._bodies = BodyReader(
            limit=settings.body_limit, timeout=settings.body_timeout, accepted=accepted
        )
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = method_label(scope["method"])
        scope = head_as_get(scope)
        if self._operations.handles(scope):
            await self._operations.respond(scope, receive, send)
            return
        started = time.monotonic()
        match = self._routes().find(scope["path"], scope["method"])
        self._metrics.request_started(match.template, method)
        headers = dict(scope["headers"])  # the last one of a name
        context, problem = request_context(
            headers,
            started=started,
            default_timeout=self._default_timeout,
            trust_timeout=self._trust_timeout,
        )
        response = ResponseSender(send, context.request_id)
        with use_context(context):
            try:
                if problem is not None:
                    raise problem
                check_characters(scope["path"], scope["query_string"])
                if len(headers) < len(scope["headers"]):
                    check_repetitions(scope["headers"])
                body = await self._bodies.read(receive, headers)
                await self._respond(match, scope, receive, response, body)
            except ClientDisconnected:
                response.status = CLIENT_CLOSED_REQUEST
            except Exception as error:
                problem = problem_for(error, route=match.template, method=method)
                await response.send_problem(problem, scope, receive)
            finally:
                ended = response.stream_started_at or time.monotonic()
                self._metrics.request_finished(
                    match.template, method, response.status, ended - started
                )

    async def _respond(
        self,
        match: RouteMatch,
        scope: Scope,
        receive: Receive,
        response: ResponseSender,
        body: Body | None,
    ) -> None:
        route = match.compiled or self._uncompiled
        value = route.read_body(body)
        operation = scope["method"], match.template
        priority, latency = self._seen.get(operation) or self._see(operation)
        context = current_context()
        if not self._admission.try_acquire(priority):
            await self._admission.acquire(priority, timeout=context.time_left())
        slot = response.slot = Slot(self._admission, latency, context)
        try:
            scope["path_params"] = dict(match.path_params)
            await route.respond(scope, receive, response, body=body, value=value)
        finally:
            slot.release(succeeded=response.status < 400)

    def _see(self, operation: tuple[str, str]) -> tuple[Priority, RouteLatency]:
        """What admission control knows of an operation that has not been requested yet."""
        method, template = operation
        label = method_label(method), template  # callers may send any word as a method
        if label not in self._seen:
            priority = self._priorities.get(f"{method} {template}", Priority.NORMAL)
            self._seen[label] = priority, RouteLatency()
        return self._seen[label]
