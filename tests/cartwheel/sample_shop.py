"""A shop of two small services for the supervisor to run.

``python -m tests.cartwheel.sample_shop`` is `cartwheel up` with this shop. The services do on
request what real ones only do by accident: crash, hang, become unready, refuse to stop.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import typer
from fastapi import APIRouter, FastAPI, Request

from app.factory import create_app
from app.process.health import Health
from app.settings import ServiceSettings, load
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics
from cartwheel.errors import CommandError
from cartwheel.local.foreground import run_in_foreground
from cartwheel.local.replica import Timeouts
from cartwheel.local.settings import load_local
from cartwheel.local.topology import ServiceSpec

FACTORY = "tests.cartwheel.sample_shop:create"
SHOP = (
    ServiceSpec("cart", FACTORY, "tests.cartwheel", replicas=2, store=None, cpu_request=0.1),
    ServiceSpec("storefront", FACTORY, "tests.cartwheel", neighbours=("cart",), store=None),
)
# Waits of minutes, made bearable.
TIMEOUTS = Timeouts(probe_every=0.1, probe_timeout=1.0, hung_after=4.0)

router = APIRouter(prefix="/v1")


class StandinSettings(ServiceSettings):
    standin_colour: Literal["red", "green"] = "red"
    standin_crash_at_start: bool = False
    standin_stubborn: bool = False


@router.get("/name")
async def name(request: Request, delay: float = 0.0) -> dict[str, str]:
    await asyncio.sleep(delay)
    return {"instance": request.app.state.settings.instance}


@router.post("/crash")
async def crash(code: int) -> None:
    sys.stdout.write("out of wheels\n")
    sys.stdout.flush()
    os._exit(code)


@router.post("/hang")
async def hang() -> None:
    time.sleep(60)


@router.post("/unready")
async def unready(request: Request, well: bool) -> None:
    request.app.state.well = well


@router.post("/chat")
async def chat(lines: int) -> None:
    for number in range(lines):
        sys.stdout.write(f"chatter {number}\n")
    sys.stdout.flush()


@router.post("/complain")
async def complain() -> None:
    get_logger().error("the wheel came off", reason="a loose nut")


def create() -> FastAPI:
    settings = load(StandinSettings)
    health = Health()
    if settings.standin_crash_at_start:
        raise RuntimeError("cannot start at all")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async def check() -> None:
            if not app.state.well:
                raise RuntimeError("unwell")

        app.state.well = True
        health.add("mood", check)
        if settings.standin_stubborn:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)
        yield {}

    return create_app(
        settings,
        service="standin",
        description="Does what it is told.",
        metrics=Metrics("standin", version=settings.version),
        health=health,
        lifespan=lifespan,
        routers=(router,),
    )


def main() -> None:
    try:
        run_in_foreground(SHOP, load_local(), TIMEOUTS)
    except CommandError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
