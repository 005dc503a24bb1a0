"""What can be seen from outside: metrics, request ids, traces, deadlines and logs."""

import asyncio
import json
import logging
import random
import string
import time
from collections.abc import AsyncIterator
from functools import partial

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from app.process.background import BackgroundTask, run_in_background
from app.settings import ServiceSettings, load
from app.telemetry.context import NOBODY, Deadline, RequestContext, bind, current
from app.telemetry.event_loop_lag import watch_event_loop
from app.telemetry.logs import configure_logging, get_logger
from app.telemetry.metrics import Metrics
from tests.app.small import build
from tests.support.asgi import call, running

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
MAX_SERIES = 2000


@pytest.fixture
def app() -> FastAPI:
    return build()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    async with running(app) as client:
        yield client


Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def series_of(client: httpx2.AsyncClient) -> Series:
    text = (await client.get("/metrics")).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def label_values(series: Series, name: str, label: str) -> set[str]:
    return {dict(labels)[label] for sample, labels in series if sample == name}


async def test_answers_are_recorded_by_route_template_method_and_status(
    client: httpx2.AsyncClient,
) -> None:
    await client.get("/v1/items/7")
    await client.get("/v1/items/8")
    labels = {"route": "/v1/items/{item_id}", "method": "GET", "status": "200", "service": "small"}
    series = await series_of(client)
    key = ("http_request_duration_seconds_count", frozenset(labels.items()))
    assert series[key] == 2


async def test_every_series_names_the_service(client: httpx2.AsyncClient) -> None:
    await client.get("/v1/items/7")
    assert all(dict(labels)["service"] == "small" for _, labels in await series_of(client))


async def test_recorded_routes_are_paths_of_the_openapi_document(
    app: FastAPI, client: httpx2.AsyncClient
) -> None:
    declared = {*app.openapi()["paths"], "/docs", "/openapi.json"}
    before = await series_of(client)
    assert label_values(before, "http_requests_received_total", "route") == declared
    asked = declared - {"/v1/gate", "/v1/events"}
    for path in asked:
        await client.get(path.replace("{item_id}", "1"))
    after = await series_of(client)
    assert label_values(after, "http_requests_received_total", "route") == declared
    assert asked == {
        dict(labels)["route"]
        for (name, labels), value in after.items()
        if name == "http_requests_received_total" and value > 0
    }


async def test_a_crash_is_recorded_as_500(client: httpx2.AsyncClient) -> None:
    await client.get("/v1/broken")
    series = await series_of(client)
    assert label_values(series, "http_request_duration_seconds_count", "status") == {"500"}


async def test_ten_thousand_random_requests_make_no_new_series(
    app: FastAPI, client: httpx2.AsyncClient
) -> None:
    chooser = random.Random(7)
    for method in ("GET", "BREW"):
        await call(app, method, "/nothing-here")
    before = set(await series_of(client))
    for number in range(10_000):
        path = "".join(chooser.choices(string.ascii_letters + "/", k=12))
        method = "GET" if number % 2 else "".join(chooser.choices(string.ascii_uppercase, k=6))
        await call(app, method, f"/x/{path}")
    after = await series_of(client)
    assert set(after) == before
    assert len(after) < MAX_SERIES


async def test_no_mix_of_routes_methods_and_statuses_passes_the_limit() -> None:
    metrics = Metrics("test")
    for route in range(50):
        for method in ("GET", "PUT", "POST"):
            for status in (200, 400, 404, 409, 422, 500, 503):
                metrics.request_answered(f"/{route}", method, status, 0.001)
    assert metrics.render().count(b"\nhttp_request_duration_seconds") < MAX_SERIES


async def test_probes_are_not_counted_as_work(client: httpx2.AsyncClient) -> None:
    for path in ("/livez", "/readyz", "/healthz", "/metrics"):
        await client.get(path)
    series = await series_of(client)
    routes = label_values(series, "http_requests_received_total", "route")
    assert not routes & {"/livez", "/readyz", "/healthz", "/metrics"}
    assert not any(
        value for (name, _), value in series.items() if name == "http_requests_received_total"
    )


async def test_the_process_and_the_build_are_described(client: httpx2.AsyncClient) -> None:
    names = {name for name, _ in await series_of(client)}
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes", "build_info"} <= names


async def test_the_lag_of_the_event_loop_is_measured() -> None:
    metrics = Metrics("test")
    watching = partial(watch_event_loop, metrics.event_loop_lag, interval=0.001)
    async with run_in_background(BackgroundTask("watch", watching)):
        await asyncio.sleep(0.005)
        time.sleep(0.06)  # somebody blocks the loop
        await asyncio.sleep(0.005)
    total = metrics.registry.get_sample_value("event_loop_lag_seconds_sum") or 0.0
    assert total >= 0.05


def test_a_store_operation_is_timed_with_its_outcome() -> None:
    metrics = Metrics("test")
    with metrics.store_operation("sqlite", "read"):
        pass
    with pytest.raises(ValueError, match="broken"), metrics.store_operation("sqlite", "read"):
        raise ValueError("broken")
    for outcome in ("ok", "error"):
        labels = {"store": "sqlite", "operation": "read", "outcome": outcome}
        name = "store_operation_duration_seconds_count"
        assert metrics.registry.get_sample_value(name, labels) == 1


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
        contexts.append(current())

    async with running(app) as client:
        yield client, contexts


Seen = tuple[httpx2.AsyncClient, list[RequestContext]]


async def test_a_callers_trace_goes_on_with_a_span_of_our_own(seen: Seen) -> None:
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
async def test_a_bad_trace_is_begun_anew(seen: Seen, wrong: str) -> None:
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


async def test_without_a_budget_there_is_a_deadline_all_the_same(seen: Seen) -> None:
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


def test_outside_of_requests_there_is_nobody() -> None:
    assert current() is NOBODY


def test_a_background_job_binds_its_own_context() -> None:
    with bind(RequestContext(deadline=Deadline.after(5))) as context:
        assert current() is context
    assert current() is NOBODY


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> "LogLines":
    configure_logging(load(ServiceSettings, instance="small-1"), "small")
    return LogLines(capsys)


class LogLines:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def read(self) -> str:
        return self._capsys.readouterr().out


def test_a_log_line_says_who_speaks_and_for_which_request(log_lines: LogLines) -> None:
    with bind(RequestContext("r-1")) as context:
        get_logger().info("cart.changed", lines=3)
    event = json.loads(log_lines.read())
    assert event["event"] == "cart.changed"
    assert event["lines"] == 3
    assert (event["service"], event["instance"]) == ("small", "small-1")
    assert (event["request_id"], event["trace_id"]) == ("r-1", context.trace_id)


def test_an_event_stays_on_one_line(log_lines: LogLines) -> None:
    get_logger().info("name.seen", name='a\n{"event": "forged"}\r\x1b[31m')
    assert len(log_lines.read().strip().splitlines()) == 1


@pytest.mark.parametrize(
    "key",
    ["Authorization", "access_token", "password", "new_password", "client_secret", "email",
     "shipping_address", "set-cookie", "service_tokens"],
)  # fmt: skip
def test_values_of_telling_keys_are_hidden_at_any_depth(log_lines: LogLines, key: str) -> None:
    get_logger().info("seen", **{key: "hush"}, inner=[{"deep": {key: "hush"}}])
    line = log_lines.read()
    assert "hush" not in line
    assert line.count("[redacted]") == 2


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hush.hush",
        "token eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJodXNoIn0.hush",
        "postgresql://shop:hush@db:5432/shop",
        "cannot reach hush@example.com",
        "password=hush&a=1",
        '{"refresh_token": "hush"}',
    ],
)
def test_secrets_inside_texts_are_hidden(log_lines: LogLines, text: str) -> None:
    get_logger().info("seen", text=text)
    assert "hush" not in log_lines.read()


def test_libraries_log_the_same_way(log_lines: LogLines) -> None:
    logging.getLogger("some.library").warning("cannot reach %s", "hush@example.com")
    event = json.loads(log_lines.read())
    assert (event["level"], event["service"]) == ("warning", "small")
    assert "hush" not in event["event"]
