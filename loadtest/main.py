"""The load generator as a service in the cluster: one load, changed while it runs.

curl -X PUT localhost:8089/v1/load -H 'content-type: application/json' -d '{"rate": 80}'
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypedDict, cast

from fastapi import APIRouter, Depends, FastAPI, Request

from app.factory import create_app
from app.process.health import Health
from app.settings import load
from app.telemetry.metrics import Metrics
from loadtest.load_control import LoadControl
from loadtest.models import MAX_SECONDS, Load, NewLoad
from loadtest.settings import LoadSettings


class State(TypedDict):
    load_control: LoadControl


async def _load_control(request: Request) -> LoadControl:
    return cast(LoadControl, request.state.load_control)


LoadControlDependency = Annotated[LoadControl, Depends(_load_control)]
router = APIRouter(prefix="/v1", tags=["load"])


@router.get("/load")
async def read_load(load_control: LoadControlDependency) -> Load:
    """The current load, and its statistics since it began."""
    return load_control.load()


@router.put("/load")
async def change_load(new: NewLoad, load_control: LoadControlDependency) -> Load:
    """Change the rate, or the scenario.

    The load ends `seconds` after its last change, by default after an hour. Another scenario
    starts with new shoppers and new statistics.
    """
    load_control.set_rate(new.rate, new.scenario, new.seconds)
    return load_control.load()


def create() -> FastAPI:
    """The service as the environment configures it. Raises `SettingsError`."""
    return build(load(LoadSettings))


def build(settings: LoadSettings) -> FastAPI:
    """The service. Nothing is opened before its lifespan begins."""
    metrics = Metrics("load-generator", version=settings.version)
    health = Health()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        load_control = LoadControl(settings, metrics)
        if settings.load_rate:
            load_control.set_rate(settings.load_rate, None, MAX_SECONDS)
        try:
            yield State(load_control=load_control)
        finally:
            await load_control.stop()

    return create_app(
        settings,
        service="load-generator",
        description="Load for the shop, at a rate that can be changed while it runs.",
        metrics=metrics,
        health=health,
        lifespan=lifespan,
        routers=[router],
    )
