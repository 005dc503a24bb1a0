"""The request id, the trace and the deadline that a caller asks for."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from app.telemetry.context import RequestContext, current_context
from tests.app.small import build
from tests.support.asgi import running

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with running(build()) as client:
        yield client


async def test_a_callers_request_id_is_kept(client: httpx2.AsyncClient) -> None:
    response = await client.get("/v1/items/1", headers={"x-request-id": "caller-1.a_B"})
    assert response.headers["x-request-id"] == "caller-1.a_B"


@pytest.mark.parametrize("wrong", ["", "a b", "a" * 65, "<script>", "a\tb", "é"])
async def test_a_bad_request_id_is_replaced(client: httpx2.AsyncClient, wrong: str) -> None:
    headers = [(b"x-request-id", wrong.encode())]
    response = await client.get("/v1/items/1", headers=headers)
    made = response.headers["x-request-id"]
    assert made != wrong
    assert made.isalnum()


async def test_requests_without_an_id_get_different_ones(client: httpx2.AsyncClient) -> None:
    ids = {(await client.get("/v1/items/1")).headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


@pytest.fixture
async def seen() -> AsyncIterator[tuple[httpx2.AsyncClient, list[RequestContext]]]:
    app = build()
    contexts: list[RequestContext] = []

    @app.get("/context")
    async def read_context() -> None:
        contexts.append(current_context())

    async with running(app) as client:
        yield client, contexts


Seen = tuple[httpx2.AsyncClient, list[RequestContext]]


async def test_a_callers_trace_continues_with_a_new_span(seen: Seen) -> None:
    client, contexts = seen
    await client.get("/context", headers={"traceparent": PARENT, "tracestate": "a=1"})
    _, trace_id, span_id, flags = contexts[0].traceparent.split("-")
    assert trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert span_id != "00f067aa0ba902b7"
    assert flags == "01"
    assert contexts[0].tracestate == "a=1"


@pytest.mark.parametrize(
    "wrong", ["", "00-0-0-00", f"00-{'0' * 32}-00f067aa0ba902b7-01", PARENT.upper(), PARENT + "-x"]
)
async def test_a_malformed_trace_is_replaced(seen: Seen, wrong: str) -> None:
    client, contexts = seen
    await client.get("/context", headers={"traceparent": wrong, "tracestate": "a=1"})
    assert contexts[0].trace_id != "4bf92f3577b34da6a3ce929d0e0e4736"
    assert len(contexts[0].trace_id) == 32
    assert contexts[0].tracestate is None


async def test_a_callers_time_budget_becomes_the_deadline(seen: Seen) -> None:
    client, contexts = seen
    await client.get("/context", headers={"x-request-timeout-ms": "1500"})
    deadline = contexts[0].deadline
    assert deadline is not None
    assert 0 < deadline.remaining() <= 1.5


async def test_a_request_without_a_budget_has_the_default_deadline(seen: Seen) -> None:
    client, contexts = seen
    await client.get("/context")
    assert contexts[0].deadline is not None


@pytest.mark.parametrize("spent", ["0", "1", "19"])
async def test_a_spent_budget_is_refused(client: httpx2.AsyncClient, spent: str) -> None:
    response = await client.get("/v1/items/1", headers={"x-request-timeout-ms": spent})
    assert response.status_code == 503
    assert response.json()["type"] == "urn:cartwheel:problem:deadline-exceeded"


@pytest.mark.parametrize("wrong", ["", "-5", "1.5", "1e3", "soon", "9" * 40, "٣٠٠"])
async def test_a_malformed_budget_is_a_bad_request(client: httpx2.AsyncClient, wrong: str) -> None:
    headers = [(b"x-request-timeout-ms", wrong.encode())]
    assert (await client.get("/v1/items/1", headers=headers)).status_code == 400


async def test_of_two_headers_with_one_name_the_last_one_counts(client: httpx2.AsyncClient) -> None:
    headers = [("x-request-id", "first"), ("x-request-id", "last")]
    response = await client.get("/v1/items/1", headers=headers)
    assert response.headers["x-request-id"] == "last"
