"""The services of a sample shop: on request they crash, hang, become unready, or refuse to stop."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

from fastapi import APIRouter, FastAPI, Request

from app.factory import create_app
from app.process.health import Health
from app.settings import ServiceSettings, load
from app.telemetry.logs import get_logger
from app.telemetry.metrics import Metrics

router = APIRouter(prefix="/v1")


class SampleSettings(ServiceSettings):
    sample_colour: Literal["red", "green"] = "red"
    sample_crash_at_start: bool = False
    sample_ignore_sigterm: bool = False


@router.get("/name")
async def name(request: Request, delay: float = 0.0) -> dict[str, str]:
    await asyncio.sleep(delay)
    return {"instance": request.app.state.settings.instance}


@router.get("/clock")
async def clock() -> float:
    return time.time()


@router.post("/crash")
async def crash(code: int) -> None:
    sys.stdout.write("out of wheels\n")
    sys.stdout.flush()
    os._exit(code)


@router.post("/hang")
async def hang() -> None:
    time.sleep(60)


@router.post("/unready")
async def unready(request: Request, ready: bool) -> None:
    request.app.state.ready = ready


@router.post("/chat")
async def chat(lines: int) -> None:
    for number in range(lines):
        sys.stdout.write(f"chatter {number}\n")
    sys.stdout.flush()


@router.post("/complain")
async def complain() -> None:
    get_logger().error("the wheel came off", reason="a loose nut")


def create() -> FastAPI:
    settings = load(SampleSettings)
    health = Health()
    if settings.sample_crash_at_start:
        raise RuntimeError("cannot start at all")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        async def check() -> None:
            if not app.state.ready:
                raise RuntimeError("unready on request")

        app.state.ready = True
        health.add("sample", check)
        if settings.sample_ignore_sigterm:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)
        yield {}

    return create_app(
        settings,
        service="sample",
        description="Fails on request.",
        metrics=Metrics("sample", version=settings.version),
        health=health,
        lifespan=lifespan,
        routers=(router,),
    )
