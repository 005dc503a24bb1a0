"""What would be shed anyway is refused before any other layer sees it, and counted."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from fastapi import FastAPI

from app.request.admission import Overloaded
from app.request.shedding import ReadyPage, Refusals
from app.settings import ServiceSettings, load
from tests.app.small import build
from tests.support.asgi import running
from tests.support.waiting import until


class Full:
    """A service whose slots are all taken, and which lets nobody wait."""

    def __init__(self, app: FastAPI, client: httpx2.AsyncClient) -> None:
        self.client = client
        self._registry = app.state.metrics.registry

    def count(self, name: str, **labels: str) -> float:
        return self._registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def full(**settings: float) -> AsyncIterator[Full]:
    app = build(load(ServiceSettings, **{"max_in_flight": 1, "max_queued": 0} | settings))
    async with running(app) as client:
        service = Full(app, client)
        holding = asyncio.create_task(client.get("/v1/gate"))
        await until(lambda: service.count("http_slots_in_use") == 1)
        yield service
        app.state.gate.set()
        assert (await holding).status_code == 200


@pytest.fixture
async def service() -> AsyncIterator[Full]:
    async with full() as service:
        yield service


async def test_a_refusal_is_the_problem_of_any_overload_under_the_callers_request_id(
    service: Full,
) -> None:
    early = await service.client.get("/v1/items/1", headers={"x-request-id": "abc"})
    body = {"name": "a", "quantity": 1}
    late = await service.client.post("/v1/items", json=body, headers={"x-request-id": "abc"})
    assert (early.status_code, early.content) == (late.status_code, late.content)
    assert dict(early.headers) == dict(late.headers)
    assert early.json() == Overloaded().content("abc")


async def test_a_malformed_request_id_is_replaced(service: Full) -> None:
    response = await service.client.get("/v1/items/1", headers={"x-request-id": '"},'})
    assert len(response.headers["x-request-id"]) == 16
    assert response.json()["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_a_refusal_is_counted_under_its_route(service: Full, method: str) -> None:
    await service.client.request(method, "/v1/items/1")
    route = {"route": "/v1/items/{item_id}", "method": method}
    assert service.count("http_requests_received_total", **route) == 1
    assert service.count("http_request_duration_seconds_count", **route, status="503") == 1
    shed = service.count("http_requests_shed_total", priority="normal", reason="queue_full")
    assert shed == 1
    assert service.count("http_requests_in_flight") == 1


async def test_a_body_is_read_before_its_request_is_shed(service: Full) -> None:
    is_read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal is_read
        yield b'{"name": "a",'
        yield b'"quantity": 1}'
        is_read = True

    headers = {"content-type": "application/json"}
    response = await service.client.post("/v1/items", content=body(), headers=headers)
    assert response.status_code == 503
    assert is_read


async def test_what_may_wait_is_not_refused() -> None:
    async with full(max_queued=1, queue_timeout=5) as service:
        waiting = asyncio.create_task(service.client.get("/v1/items/1"))
        await until(lambda: service.count("http_requests_queued") == 1)
        assert (await service.client.get("/v1/items/1")).status_code == 503
        waiting.cancel()


def test_a_page_replaces_the_problem_and_has_the_common_headers() -> None:
    page = ReadyPage([(b"content-type", b"text/html")], b"<p>Busy")
    refusals = Refusals(
        headers={"x-frame-options": "DENY"},
        page_for=lambda scope, _: page if scope["path"] == "/page" else None,
    )
    lines, body = refusals.response({"path": "/page"}, {}, request_id=b"r1")
    assert body == b"<p>Busy"
    assert dict(lines) == {
        b"retry-after": b"1",
        b"cache-control": b"no-store",
        b"x-frame-options": b"DENY",
        b"content-type": b"text/html",
        b"content-length": b"7",
        b"x-request-id": b"r1",
    }
    lines, body = refusals.response({"path": "/api"}, {}, request_id=b"r2")
    assert dict(lines)[b"x-frame-options"] == b"DENY"
    assert json.loads(body)["request_id"] == "r2"
