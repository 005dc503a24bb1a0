"""The API of the load generator, while it puts load on a fake shop."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from loadtest.main import build
from loadtest.models import MAX_SECONDS
from loadtest.settings import LoadSettings
from loadtest.statistics import TIMEOUT
from tests.loadtest.fake_shop import shop
from tests.support.asgi import running
from tests.support.waiting import until

WITHIN = 20.0
SHORT = 0.2


class Generator:
    """A client of the service."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def put(self, **load: Any) -> dict[str, Any]:
        answer = await self.client.put("/v1/load", json=load)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def get(self) -> dict[str, Any]:
        return dict((await self.client.get("/v1/load")).json())

    async def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Poll until the condition holds; returns that load."""
        seen: dict[str, Any] = {}

        async def holds() -> bool:
            seen.update(await self.get())
            return condition(seen)

        await until(holds, within=WITHIN)
        return seen

    async def metric(self, name: str, **labels: str) -> float | None:
        text = (await self.client.get("/metrics")).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return None


@asynccontextmanager
async def generator(target: str, **settings: Any) -> AsyncIterator[Generator]:
    configured = LoadSettings(load_target=target, load_scenario="browse", **settings)
    async with running(build(configured)) as client:
        yield Generator(client)


@pytest.fixture
def target() -> Iterator[str]:
    with shop() as url:
        yield url


async def test_it_starts_with_no_load(target: str) -> None:
    async with generator(target) as load:
        assert await load.get() == {
            "scenario": "browse",
            "rate": 0.0,
            "seconds_left": 0.0,
            "sent": 0,
            "missed": 0,
            "failed": 0,
            "p95_seconds": None,
        }


async def test_it_starts_with_the_load_of_its_settings(target: str) -> None:
    async with generator(target, load_rate=50) as load:
        seen = await load.until(lambda now: now["sent"] > 0)
    assert seen["rate"] == 50
    assert 0 < seen["seconds_left"] <= MAX_SECONDS


async def test_a_load_ends_after_its_seconds_and_keeps_its_statistics(target: str) -> None:
    async with generator(target) as load:
        await load.put(rate=50, seconds=SHORT)
        ended = await load.until(lambda now: now["rate"] == 0)
        assert ended["seconds_left"] == 0
        assert ended["sent"] > 0


async def test_a_change_without_seconds_lasts_an_hour_from_then(target: str) -> None:
    async with generator(target) as load:
        first = await load.put(rate=50, seconds=SHORT)
        assert first["seconds_left"] <= SHORT
        second = await load.put(rate=50)
        assert second["seconds_left"] == pytest.approx(MAX_SECONDS, abs=WITHIN)
        sent_within_the_first = 50 * SHORT + 1
        await load.until(lambda now: now["sent"] > 3 * sent_within_the_first)


async def test_a_change_may_end_a_long_load_sooner(target: str) -> None:
    async with generator(target) as load:
        await load.put(rate=0.01)
        await load.put(rate=0.01, seconds=SHORT)
        await load.until(lambda now: now["rate"] == 0)


async def test_a_slow_load_becomes_a_quick_one_at_once(target: str) -> None:
    async with generator(target) as load:
        await load.put(rate=0.01)
        await load.put(rate=100)
        await load.until(lambda now: now["sent"] >= 20)


async def test_a_rate_of_0_ends_the_load_and_keeps_its_statistics(target: str) -> None:
    async with generator(target) as load:
        await load.put(rate=50)
        before = await load.until(lambda now: now["sent"] > 0)
        stopped = await load.put(rate=0)
        assert (stopped["rate"], stopped["seconds_left"]) == (0, 0)
        assert stopped["sent"] >= before["sent"]


async def test_after_a_pause_there_is_no_burst(target: str) -> None:
    async with generator(target) as load:
        await load.put(rate=0, seconds=60)
        resumed = await load.put(rate=0.1, seconds=60)
        assert (resumed["sent"], resumed["missed"]) == (0, 0)
        seen = await load.until(lambda now: now["sent"] > 0)
        assert (seen["sent"], seen["missed"]) == (1, 0)


async def test_another_scenario_starts_with_new_statistics_without_waiting(target: str) -> None:
    with shop(is_open=False) as closed:
        async with generator(closed) as load:
            await load.put(rate=50)
            await load.until(lambda now: now["sent"] > 5)
            changed = await load.put(rate=1, scenario="cart-add")
            assert (changed["scenario"], changed["sent"], changed["missed"]) == ("cart-add", 0, 0)


async def test_a_request_without_an_idle_shopper_is_missed_and_counts_as_the_timeout() -> None:
    with shop(is_open=False) as closed:
        async with generator(closed, load_shoppers=1) as load:
            assert await load.metric("load_requests_missed_total", scenario="browse") == 0
            await load.put(rate=100)
            seen = await load.until(lambda now: now["missed"] >= 10)
            assert seen["sent"] == 1
            assert seen["p95_seconds"] == TIMEOUT
            await load.put(rate=0)
            missed = (await load.get())["missed"]
            assert await load.metric("load_requests_missed_total", scenario="browse") == missed


@pytest.mark.parametrize("status", [500, 503])
async def test_a_fast_error_does_not_improve_the_latency(status: int) -> None:
    with shop(status=status) as failing:
        async with generator(failing) as load:
            await load.put(rate=50)
            seen = await load.until(lambda now: now["failed"] >= 5)
            assert seen["p95_seconds"] == TIMEOUT


async def test_a_request_without_a_response_counts_as_the_timeout() -> None:
    async with generator("http://127.0.0.1:1") as load:
        await load.put(rate=50)
        seen = await load.until(lambda now: now["failed"] >= 5)
        assert seen["p95_seconds"] == TIMEOUT
        assert (await load.metric("load_requests_total", scenario="browse", status="0") or 0) >= 5


@pytest.mark.parametrize(
    "load",
    [
        {"rate": -1},
        {"rate": 501},
        {"rate": 1, "seconds": 0},
        {"rate": 1, "seconds": MAX_SECONDS + 1},
        {"rate": 1, "scenario": "steal"},
        {"rate": 1, "duration": 5},
        {},
    ],
)
async def test_an_invalid_load_is_rejected_and_changes_nothing(
    target: str, load: dict[str, Any]
) -> None:
    async with generator(target) as service:
        answer = await service.client.put("/v1/load", json=load)
        assert answer.status_code == 422
        assert (await service.get())["rate"] == 0


async def test_its_openapi_document_says_how_long_a_load_lasts_and_what_counts(target: str) -> None:
    async with generator(target) as service:
        document = (await service.client.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    assert "from now" in schemas["NewLoad"]["properties"]["seconds"]["description"]
    assert "counts as 10 s" in schemas["Load"]["properties"]["p95_seconds"]["description"]
