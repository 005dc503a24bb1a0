"""The load generator as a service in the cluster: one load, changed while it runs.

curl -X PUT localhost:8089/v1/load -H 'content-type: application/json' -d '{"rate": 80}'
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, TypedDict, cast

from fastapi import APIRouter, Depends, FastAPI, Request
from pydantic import Field

from app.factory import create_app
from app.models import RequestModel, ResponseModel
from app.process.health import Health
from app.settings import load
from app.telemetry.metrics import KNOWN_LATER, Metrics
from loadtest import generator, scenarios
from loadtest.settings import LoadSettings, ScenarioName

# Forgotten load ends by itself: a rate holds for an hour at most.
LONGEST = 3600.0


class NewLoad(RequestModel):
    """The load to have from now on; a scenario that is not named stays."""

    rate: float = Field(ge=0, le=500, description="Requests a second; 0 ends the load.")
    scenario: ScenarioName | None = None
    seconds: float = Field(
        default=LONGEST,
        gt=0,
        le=LONGEST,
        description="How long from now, whatever was said before; an hour if nothing is said.",
    )


class Load(ResponseModel):
    """The load there is, and what became of it since it began."""

    scenario: str
    rate: float
    seconds_left: float = Field(description="Until it ends by itself.")
    sent: int
    missed: int = Field(description="Due and not sent, because all shoppers waited for answers.")
    failed: int = Field(description="Sent and not answered within 10 s, or answered with 5xx.")
    p95_seconds: float | None = Field(
        description="What 95 % of the requests that were due did not exceed, from the moment they "
        "were due; of the newest 20,000. What failed or was missed counts as 10 s. "
        "Null before the first."
    )


class Knob:
    """Runs one generator at a time and turns it."""

    def __init__(self, settings: LoadSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._sent = metrics.counter(
            "load_requests_total",
            "What was sent, and what came of it?",
            {"scenario": KNOWN_LATER, "status": KNOWN_LATER},
        )
        self._missed = metrics.counter(
            "load_requests_missed_total",
            "What was due and not sent, because all shoppers waited?",
            {"scenario": scenarios.SCENARIOS},
        )
        self._scenario: str = settings.load_scenario
        self._generator: generator.Generator | None = None
        # The one that sends, and those that only wait for their last answers.
        self._running: set[asyncio.Task[generator.Figures]] = set()

    def turn(self, rate: float, scenario: str | None, seconds: float) -> None:
        """Change the load in flight; another scenario, or one after the end, is a new load."""
        running = self._generator
        if running and (scenario not in (None, self._scenario) or not running.seconds_left):
            running.end()
            running = None
        self._scenario = scenario or self._scenario
        if running is None:
            self._generator = self._new()
            self._generator.change(rate=rate, seconds=seconds)
            self._start(self._generator)
        else:
            running.change(rate=rate, seconds=seconds)

    async def stop(self) -> None:
        """End the load there is, without waiting for answers."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def load(self) -> Load:
        running = self._generator
        left = running.seconds_left if running and running.rate else 0.0
        figures = running.figures if running else generator.Figures()
        p95 = figures.quantile(0.95)
        return Load(
            scenario=self._scenario,
            rate=running.rate if running and left else 0.0,
            seconds_left=round(left, 1),
            sent=figures.sent,
            missed=figures.missed,
            failed=figures.failed,
            p95_seconds=None if p95 is None else round(p95, 4),
        )

    def _new(self) -> generator.Generator:
        scenario = self._scenario
        missed = self._missed.labels(scenario)
        return generator.Generator(
            self._settings.load_target,
            scenario=scenario,
            shoppers=self._settings.load_shoppers,
            report=lambda _, status, __: self._sent.labels(scenario, str(status)).inc(),
            report_missed=missed.inc,
        )

    def _start(self, new: generator.Generator) -> None:
        task = asyncio.create_task(new.send())
        self._running.add(task)
        task.add_done_callback(self._running.discard)


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
    """Have another rate from now on, or another scenario.

    Each change begins a new time: the load ends `seconds` after it, an hour after it if nothing
    is said. Another scenario starts with new shoppers and new figures.
    """
    knob.turn(wanted.rate, wanted.scenario, wanted.seconds)
    return knob.load()


def create() -> FastAPI:
    """The service as the environment configures it. Raises `SettingsError`."""
    return build(load(LoadSettings))


def build(settings: LoadSettings) -> FastAPI:
    """The service. Nothing is opened before its lifespan begins."""
    metrics = Metrics("load-generator", version=settings.version)
    health = Health()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        knob = Knob(settings, metrics)
        if settings.load_rate:
            knob.turn(settings.load_rate, None, LONGEST)
        try:
            yield State(knob=knob)
        finally:
            await knob.stop()

    return create_app(
        settings,
        service="load-generator",
        description="Load for the shop, at a rate that can be changed while it runs.",
        metrics=metrics,
        health=health,
        lifespan=lifespan,
        routers=[router],
    )
