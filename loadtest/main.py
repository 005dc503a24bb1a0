"""The load generator as a service in the cluster: one load, changed while it runs.

curl -X PUT localhost:8089/v1/load -H 'content-type: application/json' -d '{"rate": 80}'
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, TypedDict, cast

from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import Field

from app.factory import create_app
from app.health import Health
from app.models import Answer, Model
from app.settings import load
from app.telemetry.metrics import KNOWN_LATER, Metrics
from loadtest import generator, scenarios
from loadtest.settings import LoadSettings, ScenarioName

# Forgotten load ends by itself: a rate holds for an hour at most.
LONGEST = 3600.0


class NewLoad(Model):
    """The load to have from now on; a scenario that is not named stays."""

    rate: float = Field(ge=0, le=500, description="requests a second")
    scenario: ScenarioName | None = None
    seconds: float = Field(default=LONGEST, gt=0, le=LONGEST, description="and then none")


class Load(Answer):
    """The load there is, and what became of it since it began."""

    scenario: str
    rate: float
    sent: int
    missed: int
    failed: int
    p95_seconds: float


class Knob:
    """Runs one generator at a time and turns it."""

    def __init__(self, settings: LoadSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._sent = metrics.counter(
            "load_requests_total",
            "What was sent, and what came of it?",
            {"scenario": KNOWN_LATER, "status": KNOWN_LATER},
        )
        self._scenario: str = settings.load_scenario
        self._generator: generator.Generator | None = None
        self._running: asyncio.Task[generator.Figures] | None = None
        self._until = 0.0

    async def turn(self, rate: float, scenario: str | None, seconds: float) -> None:
        """Change the rate in flight; another scenario starts with new shoppers."""
        if scenario not in (None, self._scenario) or time.monotonic() >= self._until:
            await self.stop()
        self._scenario = scenario or self._scenario
        if self._generator is None:
            self._start(seconds)
        assert self._generator is not None
        self._generator.rate = rate

    async def stop(self) -> None:
        """End the load there is and wait for the answers that are out."""
        if self._running is None:
            return
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        self._running = self._generator = None

    def load(self) -> Load:
        running = self._generator
        figures = running.figures if running else generator.Figures()
        return Load(
            scenario=self._scenario,
            rate=running.rate if running and time.monotonic() < self._until else 0.0,
            sent=figures.sent,
            missed=figures.missed,
            failed=figures.failed,
            p95_seconds=round(figures.quantile(0.95), 4),
        )

    def _start(self, seconds: float) -> None:
        self._generator = generator.Generator(
            self._settings.load_target,
            scenario=self._scenario,
            shoppers=self._settings.load_shoppers,
            report=self._count,
        )
        self._until = time.monotonic() + seconds
        self._running = asyncio.create_task(self._generator.run(seconds))

    def _count(self, _: scenarios.Request, status: int, __: float) -> None:
        self._sent.labels(self._scenario, str(status)).inc()


class State(TypedDict):
    knob: Knob


async def _knob(request: Request) -> Knob:
    return cast(Knob, request.state.knob)


TheKnob = Annotated[Knob, Depends(_knob)]
router = APIRouter(prefix="/v1", tags=["load"])


@router.get("/load")
async def read_load(knob: TheKnob) -> Load:
    """The load there is, and what became of it since it began."""
    return knob.load()


@router.put("/load")
async def change_load(wanted: NewLoad, knob: TheKnob) -> Load:
    """Have another rate from now on, or another scenario."""
    await knob.turn(wanted.rate, wanted.scenario, wanted.seconds)
    return knob.load()


def create() -> FastAPI:
    """The app as the environment wants it. Raises `SettingsError`."""
    return build(load(LoadSettings))


def build(settings: LoadSettings) -> FastAPI:
    metrics = Metrics("load-generator", version=settings.version)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        knob = Knob(settings, metrics)
        if settings.load_rate:
            await knob.turn(settings.load_rate, None, LONGEST)
        try:
            yield State(knob=knob)
        finally:
            await knob.stop()

    return create_app(
        settings,
        service="load-generator",
        title="Load generator",
        description="Load for the shop, at a rate that can be changed while it runs.",
        metrics=metrics,
        health=Health(),
        lifespan=lifespan,
        routers=[router],
    )
