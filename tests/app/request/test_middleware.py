"""The stages around a request, in their order, around an app that is a plain function."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Conflict
from app.process.health import Health
from app.process.lifecycle import Lifecycle
from app.request.admission import AdmissionControl, Priority
from app.request.media_types import JSON
from app.request.middleware import RequestMiddleware
from app.request.operations import Operations
from app.request.routing import RouteTable
from app.settings import ServiceSettings, load
from app.telemetry.context import NO_REQUEST, current_context
from app.telemetry.metrics import Metrics

ROUTES = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


@ROUTES.get("/items/{item_id}")
@ROUTES.post("/items")
async def handle() -> None: ...


TABLE = RouteTable(ROUTES.routes)


class World:
    """The middleware around `app`, and what it measured."""

    def __init__(self, app: ASGIApp, *, public: bool = False, **settings: float) -> None:
        self.metrics = Metrics("test")
        service_settings = load(ServiceSettings, **settings)
        self._middleware = RequestMiddleware(
            app,
            routes=lambda: TABLE,
            settings=service_settings,
            admission=AdmissionControl.of(service_settings, self.metrics),
            metrics=self.metrics,
            operations=Operations(
                metrics=self.metrics, health=Health(), lifecycle=Lifecycle(), public=public
            ),
            priorities={"POST /items": Priority.HIGH},
            accepted=frozenset({JSON}),
            public=public,
        )

    async def request(
        self,
        method: str = "GET",
        path: str = "/items/7",
        *,
        query: bytes = b"",
        headers: Mapping[str, str] | None = None,
        more_headers: Sequence[tuple[str, str]] = (),
        message: Message | None = None,
    ) -> list[Message]:
        """What is sent to a caller who sends `message` and no more."""
        sent: list[Message] = []
        all_headers = [*(headers or {}).items(), *more_headers]
        lines = [(name.encode(), value.encode()) for name, value in all_headers]
        scope = {"type": "http", "app": ROUTES, "method": method, "path": path,
                 "query_string": query, "headers": lines}  # fmt: skip

        async def receive() -> Message:
            return message or {"type": "http.disconnect"}

        async def send(one: Message) -> None:
            sent.append(one)

        await self._middleware(scope, receive, send)
        return sent

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    def responses(self, route: str, method: str, status: int) -> float:
        labels = {"route": route, "method": method, "status": str(status)}
        return self.count("http_request_duration_seconds_count", **labels)


def responding(content_type: str = JSON, *, status: int = 200) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", content_type.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    return app


def raising(error: Exception) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return app


async def unreachable(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("the app was called")


def problem_of(sent: list[Message]) -> dict[str, Any]:
    problem: dict[str, Any] = json.loads(sent[1]["body"])
    return problem


async def test_a_response_is_counted_under_its_route_and_has_the_request_id() -> None:
    world = World(responding(status=201))
    sent = await world.request(headers={"x-request-id": "r-1"})
    assert (b"x-request-id", b"r-1") in sent[0]["headers"]
    assert world.responses("/items/{item_id}", "GET", 201) == 1
    labels = {"route": "/items/{item_id}", "method": "GET"}
    assert world.count("http_requests_received_total", **labels) == 1
    assert world.count("http_requests_in_flight") == 0


async def test_head_is_counted_as_head_and_reaches_the_app_as_get() -> None:
    methods: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        methods.append(scope["method"])
        await responding()(scope, receive, send)

    world = World(app)
    await world.request("HEAD")
    assert methods == ["GET"]
    assert world.responses("/items/{item_id}", "HEAD", 200) == 1


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_probes_and_metrics_pass_no_further_stage(path: str) -> None:
    world = World(unreachable)
    (start, _) = await world.request(path=path, query=b"%00")
    assert start["status"] == 200
    assert b"http_requests_received_total{" not in world.metrics.render()


async def test_the_app_runs_in_the_context_of_its_request() -> None:
    deadlines: list[float] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        deadlines.append(current_context().time_left())
        await responding()(scope, receive, send)

    budget = {"x-request-timeout-ms": "30000"}
    await World(app, request_timeout=1).request(headers=budget)
    await World(app, request_timeout=1, public=True).request(headers=budget)
    trusted, ignored = deadlines
    assert 0 < ignored <= 1 < trusted <= 30
    assert current_context() is NO_REQUEST
    assert current_context().time_left() == math.inf


async def test_a_spent_time_budget_is_refused_under_the_callers_request_id() -> None:
    headers = {"x-request-id": "r-1", "x-request-timeout-ms": "1"}
    sent = await World(unreachable).request(headers=headers)
    assert sent[0]["status"] == 503
    assert problem_of(sent)["request_id"] == "r-1"


async def test_a_nul_in_the_address_is_refused_and_counted_under_its_route() -> None:
    world = World(unreachable)
    sent = await world.request(path="/items/\0")
    assert sent[0]["status"] == 400
    assert world.responses("/items/{item_id}", "GET", 400) == 1


async def test_a_body_is_checked_before_the_app_is_called() -> None:
    headers = {"content-type": JSON, "content-length": "3"}
    message = {"type": "http.request", "body": b"NaN", "more_body": False}
    sent = await World(unreachable).request("POST", "/items", headers=headers, message=message)
    assert sent[0]["status"] == 400


@pytest.mark.parametrize("name", ["content-type", "content-encoding"])
async def test_a_body_that_is_described_twice_is_refused(name: str) -> None:
    world = World(unreachable)
    headers = {"content-type": JSON, "content-length": "2"}
    twice = [(name, "text/plain"), (name, JSON)]
    sent = await world.request("POST", "/items", headers=headers, more_headers=twice)
    assert problem_of(sent)["detail"] == f"The header {name.title()} may appear only once."
    assert world.responses("/items", "POST", 400) == 1


async def test_a_caller_who_goes_away_gets_no_response_and_is_counted() -> None:
    world = World(unreachable)
    headers = {"content-type": JSON, "content-length": "3"}
    assert await world.request("POST", "/items", headers=headers) == []
    assert world.responses("/items", "POST", 499) == 1


async def test_a_request_that_gets_no_slot_is_shed_before_the_app_is_called() -> None:
    statuses: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            statuses.append((await world.request("GET"))[0]["status"])
            statuses.append((await world.request("POST", "/items"))[0]["status"])
        await responding()(scope, receive, send)

    world = World(app, max_in_flight=2, max_queued=0)
    assert (await world.request("GET"))[0]["status"] == 200
    assert statuses == [503, 200]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/event-stream; charset=utf-8",
        "text/event-stream",
        "text/event-stream;charset=UTF-8",
        "Text/Event-Stream",
    ],
)
async def test_an_event_stream_holds_no_slot(content_type: str) -> None:
    statuses: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            headers = [(b"content-type", content_type.encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            statuses.append((await world.request("POST", "/items"))[0]["status"])
            await send({"type": "http.response.body", "body": b"data: bye"})
        else:
            await responding()(scope, receive, send)

    world = World(app, max_in_flight=1, max_queued=0)
    await world.request("GET")
    assert statuses == [200]
    assert (await world.request("POST", "/items"))[0]["status"] == 200


async def test_an_error_of_the_app_is_answered_as_its_problem() -> None:
    world = World(raising(Conflict("Only 3 are left.")))
    sent = await world.request()
    assert sent[0]["status"] == 409
    assert problem_of(sent)["detail"] == "Only 3 are left."
    assert world.responses("/items/{item_id}", "GET", 409) == 1


async def test_an_unexpected_error_is_a_500_that_discloses_nothing() -> None:
    world = World(raising(RuntimeError("hunter2")))
    sent = await world.request()
    assert sent[0]["status"] == 500
    assert b"hunter2" not in sent[1]["body"]
    assert world.responses("/items/{item_id}", "GET", 500) == 1


async def test_an_error_after_the_response_began_sends_no_second_one() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    assert [one["type"] for one in await World(app).request()] == ["http.response.start"]


async def test_other_protocols_pass_through() -> None:
    reached: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])

    async def nothing(*_: Any) -> Any: ...

    await World(app)._middleware({"type": "lifespan"}, nothing, nothing)
    assert reached == ["lifespan"]
