"""A scrape lets the event loop do other work: probes are answered beside it."""

import asyncio
from collections.abc import Iterator

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from app.telemetry.cells import Histogram
from app.telemetry.exposition import SERIES_PER_PIECE
from app.telemetry.metrics import LATENCY_BUCKETS, Metrics
from tests.app.small import build
from tests.support.asgi import running

SERIES = 10_000


def fill(metrics: Metrics) -> list[Histogram]:
    """Histograms with `SERIES` series."""
    spans = metrics.histogram("spans", "How long?", ("number",))
    return [spans.labels(number) for number in range(SERIES // (len(LATENCY_BUCKETS) + 3))]


@pytest.mark.fault(41)
async def test_other_tasks_run_between_the_pieces_of_a_large_exposition() -> None:
    metrics = Metrics("test")
    fill(metrics)
    scrape = asyncio.create_task(metrics.render_in_turns())
    turns = 0
    while not scrape.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns >= SERIES / SERIES_PER_PIECE
    without_process = b"# HELP build_info"
    written = (await scrape).partition(without_process)[2]
    assert written == metrics.render().partition(without_process)[2]


async def test_the_series_of_a_histogram_agree_though_it_changes_during_a_scrape() -> None:
    metrics = Metrics("test")
    histograms = fill(metrics)
    scrape = asyncio.create_task(metrics.render_in_turns())
    while not scrape.done():
        for histogram in histograms:
            histogram.observe(0.3)
        await asyncio.sleep(0)
    counts: dict[str, set[float]] = {}
    for name, labels, value in samples(await scrape):
        if name == "spans_count" or (name == "spans_bucket" and labels["le"] == "+Inf"):
            counts.setdefault(labels["number"], set()).add(value)
    assert len(counts) == len(histograms)
    assert all(len(values) == 1 for values in counts.values())


async def test_a_series_that_appears_during_a_scrape_is_in_the_next_one() -> None:
    metrics = Metrics("test")
    spans = metrics.histogram("spans", "How long?", ("number",))
    for number in range(500):
        spans.labels(number)
    scrapes = [asyncio.create_task(metrics.render_in_turns()) for _ in range(3)]
    while not all(scrape.done() for scrape in scrapes):
        await asyncio.sleep(0)
        spans.labels(f"late {len(spans.cells)}")
    numbers = {labels["number"] for _, labels, _ in samples(metrics.render()) if "number" in labels}
    assert numbers == {number for (number,) in spans.cells}


def samples(exposition: bytes) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(exposition.decode()):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


@pytest.fixture
def app() -> FastAPI:
    app = build()
    fill(app.state.metrics)
    return app


async def test_a_probe_that_comes_after_a_scrape_is_answered_before_it(app: FastAPI) -> None:
    answered: list[str] = []

    async def ask(client: httpx2.AsyncClient, path: str) -> None:
        response = await client.get(path)
        assert response.status_code == 200
        answered.append(path)

    async with running(app) as client:
        await asyncio.gather(ask(client, "/metrics"), ask(client, "/readyz"))
    assert answered == ["/readyz", "/metrics"]
