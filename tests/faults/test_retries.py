"""Retries help while few calls fail, and make no storm when many do."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Response

from app.client import Upstream, raise_for_problem
from app.factory import create_app
from app.process.health import Health
from app.settings import ServiceSettings, load
from app.telemetry.metrics import Metrics
from tests.app.client.calling import calling, calling_replicas, outcome, sample
from tests.app.client.neighbours import Behaviour, Exchange, neighbour, ok, responding
from tests.faults.steady_load import SteadyLoad
from tests.services.tracking.sockets import serving

Figure = Callable[..., None]


def tier(url: str, *, passes_errors_on: bool) -> FastAPI:
    """A service that needs its upstream; its caller gets errors as they are, or one of its own."""
    router = APIRouter(prefix="/v1")
    metrics = Metrics("tier")
    upstream = Upstream("next", url, metrics=metrics)

    @router.get("/things")
    async def read_things() -> Response:
        response = await upstream.request("GET", "/v1/things")
        if not passes_errors_on:
            raise_for_problem(response)
        return Response(response.content, response.status_code)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async with upstream:
            yield {}

    return create_app(
        load(ServiceSettings),
        service="tier",
        description="Between a caller and a leaf.",
        metrics=metrics,
        health=Health(),
        lifespan=lifespan,
        routers=[router],
    )


def failing(behave: Behaviour, share: float) -> Behaviour:
    """Behaves so for this share of the requests, and well for the others."""
    rng = random.Random(7)

    async def maybe(exchange: Exchange) -> None:
        await (behave if rng.random() < share else ok)(exchange)

    return maybe


async def hang_up(exchange: Exchange) -> None:
    exchange.hang_up()


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("behave", "share"),
    [(responding(500), 0.3), (responding(500), 1.0), (hang_up, 0.3), (hang_up, 1.0)],
    ids=["30 % errors", "only errors", "30 % hang up", "all hang up"],
)
async def test_over_three_tiers_the_last_one_gets_hardly_more_calls_than_there_are_requests(
    behave: Behaviour, share: float, figure: Figure
) -> None:
    load = SteadyLoad()
    async with AsyncExitStack() as stack:
        leaf = await stack.enter_async_context(neighbour(failing(behave, share)))
        # As in the shop: what a service could not get is a 503 of its own, and only the
        # storefront's API passes on what it was answered.
        service = serving(tier(leaf.url, passes_errors_on=False))
        storefront = tier(await stack.enter_async_context(service), passes_errors_on=True)
        url = await stack.enter_async_context(serving(storefront))
        client = await stack.enter_async_context(httpx2.AsyncClient(timeout=15))
        await load.run(lambda _: client.get(f"{url}/v1/things"), rate=150, seconds=5)
    calls, requests = len(leaf.asked), len(load.statuses)
    figure("{:.2f} calls of the leaf per request", calls / requests)
    assert calls <= 1.1 * requests


@pytest.mark.fault(16)
async def test_replicas_that_always_fail_cost_hardly_a_call_and_few_retries(
    tmp_path: Path, figure: Figure
) -> None:
    behaviours = [responding(500)] * 3 + [ok] * 7
    outcomes: list[str] = []
    async with calling_replicas(tmp_path, *behaviours) as (client, replicas):

        async def call_one_after_the_other() -> None:
            for _ in range(100):
                outcomes.append(await outcome(client))

        await asyncio.gather(*(call_one_after_the_other() for _ in range(20)))
    calls, good = sum(len(one.asked) for one in replicas), outcomes.count("200")
    share, extra = good / len(outcomes), calls / len(outcomes) - 1
    figure("{:.1%} succeed with {:.1%} more calls, while 3 of 10 replicas fail", share, extra)
    assert share >= 0.97
    assert extra <= 0.1


@pytest.mark.fault(19)
async def test_a_server_that_closes_idle_connections_just_as_they_are_used_costs_no_call(
    figure: Figure,
) -> None:
    idle_seconds = 0.02
    metrics, rng = Metrics("cart"), random.Random(7)
    outcomes: list[str] = []

    async def close_soon(exchange: Exchange) -> None:
        await exchange.respond()
        asyncio.get_running_loop().call_later(idle_seconds, exchange.hang_up)

    async with calling(close_soon, metrics=metrics) as (client, _):

        async def call_now_and_then() -> None:
            for _ in range(50):
                outcomes.append(await outcome(client))
                await asyncio.sleep(rng.uniform(0.5, 1.5) * idle_seconds)

        await asyncio.gather(*(call_now_and_then() for _ in range(8)))
    retries = sample(metrics, "http_client_retries_total")
    figure("{} calls, {:.0f} of them sent again", len(outcomes), retries)
    assert set(outcomes) == {"200"}
