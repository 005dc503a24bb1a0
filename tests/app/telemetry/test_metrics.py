"""What a service measures about itself, as Prometheus scrapes it."""

import random
import string
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from app.telemetry.metrics import Metrics
from tests.app.small import build
from tests.support.asgi import call, running

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


async def test_responses_are_recorded_by_route_template_method_and_status(
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


@pytest.mark.fault(78)
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


@pytest.mark.fault(41, 78)
async def test_the_number_of_response_series_is_limited() -> None:
    metrics = Metrics("test")
    for route in range(50):
        for method in ("GET", "PUT", "POST"):
            for status in (200, 400, 404, 409, 422, 500, 503):
                metrics.request_finished(f"/{route}", method, status, 0.001)
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
