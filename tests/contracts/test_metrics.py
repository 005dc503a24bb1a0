"""Every labelled counter is there from the start: a sum over one that is absent is no number.

An autoscaler, an alert and a dashboard take "no data" for "something is broken".
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.contracts.documents import build
from tests.support.asgi import running
from tests.support.shop import SERVICES

EACH_SERVICE = pytest.mark.parametrize("service", SERVICES)
MAX_SERIES = 1000
"""Half of what a replica may ever publish: the rest is for what it is asked."""

CALLS_NO_UPSTREAM = ("user",)
OF_UPSTREAMS = {
    "http_client_retries",
    "http_client_retries_over_budget",
    "http_client_ejections",
    "http_client_breaker_open",
}


async def _published_at_start(app: FastAPI) -> list[Metric]:
    async with running(app) as client:
        text = (await client.get("/metrics")).text
    return list(text_string_to_metric_families(text))


@pytest.fixture
async def families(service: str, tmp_path: Path) -> list[Metric]:
    return await _published_at_start(build(service, store=f"sqlite:///{tmp_path}/store.sqlite3"))


@EACH_SERVICE
async def test_no_counter_waits_for_its_first_use(service: str, families: list[Metric]) -> None:
    empty = {f.name for f in families if f.type in ("counter", "gauge") and not f.samples}
    assert empty == (OF_UPSTREAMS if service in CALLS_NO_UPSTREAM else set())


@EACH_SERVICE
async def test_every_operation_has_an_arrival_count_from_the_start(
    service: str, families: list[Metric]
) -> None:
    counted = {
        (sample.labels["method"], sample.labels["route"])
        for sample in _samples(families, "http_requests_received_total")
    }
    if service == "storefront":  # its pages are not in the document of its API
        assert {("GET", "/"), ("POST", "/cart/items"), ("POST", "/checkout")} <= counted
    assert counted >= {
        (method.upper(), path)
        for path, methods in build(service).openapi()["paths"].items()
        for method in methods
    }


@EACH_SERVICE
async def test_counters_begin_at_zero(families: list[Metric]) -> None:
    begun = [s for f in families if f.type == "counter" for s in f.samples if s.value]
    assert [sample.name for sample in begun if not sample.name.startswith("process_")] == []


@pytest.mark.fault(41)
@EACH_SERVICE
async def test_what_is_there_from_the_start_leaves_room_for_the_rest(
    families: list[Metric],
) -> None:
    assert sum(len(family.samples) for family in families) < MAX_SERIES


def _samples(families: list[Metric], name: str) -> Iterator[Sample]:
    return (sample for family in families for sample in family.samples if sample.name == name)
