"""The routes of the load.

`GET /api/load` says what runs and what can be asked for, `PUT` starts or changes it, `DELETE` ends
it. Whoever asks last, at any page, decides. `GET /api/load/stages` reads stages for a sketch.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cartwheel.console.live import Live
from cartwheel.console.load import words
from cartwheel.console.load.control import EndedLoad, LoadControl
from cartwheel.console.load.requested import (
    DEFAULT_RATE,
    DEFAULT_SCENARIO,
    DEFAULT_SECONDS,
    MAX_RATE,
    MAX_SECONDS,
    MIN_RATE,
    read_requested,
    read_stages,
)
from cartwheel.console.load.running_load import RunningLoad
from cartwheel.console.load.shapes import SHAPES
from cartwheel.console.server import read_object
from cartwheel.errors import CommandError
from cartwheel.load.local_run import LocalRun
from cartwheel.local.command_lines import command_line
from cartwheel.local.state_folder import StateFolder
from cartwheel.mesh import LoadState
from loadtest.arrivals import Stage, written
from loadtest.scenarios import SCENARIOS

SHOP_INTERVAL = 1.0
"""Seconds between two looks at whether the shop of a load still runs."""


class LoadPart:
    """The part of the console that puts load on its shop.

    ``find_target`` gives the URL of the shop, and raises `CommandError` without one. ``command`` is
    the command line that puts load on the same shop. ``shop_pid`` is the supervisor's.
    """

    def __init__(
        self,
        live: Live,
        *,
        find_target: Callable[[], str],
        command: str,
        shop_pid: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._control = LoadControl(live, find_target, shop_pid=shop_pid)
        self._command = command

    @classmethod
    def of(cls, live: Live, state: StateFolder) -> "LoadPart":
        """The one for the shop that runs in this state folder."""
        command = command_line(state.root, "load")
        return cls(
            live,
            find_target=lambda: _target_in(state),
            command=command,
            shop_pid=state.running_pid,
        )

    @property
    def routes(self) -> Sequence[Route]:
        return [
            Route("/api/load", self._get, methods=["GET"]),
            Route("/api/load", self._put, methods=["PUT"]),
            Route("/api/load", self._delete, methods=["DELETE"]),
            Route("/api/load/stages", _get_stages, methods=["GET"]),
        ]

    async def run(self) -> None:
        """End a load whose shop is gone; when this is cancelled, end any load at once."""
        try:
            while True:
                await asyncio.sleep(SHOP_INTERVAL)
                self._control.end_without_shop()
        finally:
            await self._control.close()

    def state(self) -> LoadState | None:
        """The load that sends now, for a frame."""
        return self._control.state()

    async def _get(self, _: Request) -> JSONResponse:
        return self._overview()

    async def _put(self, request: Request) -> JSONResponse:
        await self._control.start_or_change(read_requested(await read_object(request)))
        return self._overview()

    async def _delete(self, _: Request) -> JSONResponse:
        await self._control.stop()
        return self._overview()

    def _overview(self) -> JSONResponse:
        control = self._control
        return JSONResponse(
            {
                "running": _running(control.current) if control.current else None,
                "is_ending": control.is_ending,
                "last": _ended(control.last) if control.last else None,
                "command": self._command,
                **LIMITS,
            }
        )


async def _get_stages(request: Request) -> JSONResponse:
    stages = read_stages(request.query_params.get("text", ""))
    return JSONResponse({"text": written(stages), "stages": _as_json(stages)})


def _running(load: RunningLoad) -> Mapping[str, Any]:
    return {
        **asdict(load.state()),
        "text": written(load.stages),
        "stages": _as_json(load.stages),
        "stages_at": load.stages_at,
    }


def _ended(ended: EndedLoad) -> Mapping[str, Any]:
    """With all figures, if there are any; ``is_good`` only if everything was sent and answered."""
    load, total = ended.load, ended.load.total
    known = {"scenario": load.scenario, "text": written(load.stages)}
    if total is None:
        return {**known, "sentence": ended.problem, "is_good": not ended.problem}
    return {
        **known,
        "sentence": words.conclusion(total),
        "is_good": words.is_good(total),
        **asdict(total),
        "failed": total.failed,
    }


def _as_json(stages: Sequence[Stage]) -> Sequence[Mapping[str, float]]:
    return [asdict(stage) for stage in stages]


def _target_in(state: StateFolder) -> str:
    """Raises `CommandError`."""
    run = LocalRun.find(state)
    if run is None:
        raise CommandError("The shop does not run, or it is just starting: try again in a moment.")
    return run.url


LIMITS: Mapping[str, Any] = {
    "scenarios": list(SCENARIOS),
    "shapes": [asdict(one) | {"stages": _as_json(read_stages(one.text))} for one in SHAPES],
    "usual": {"scenario": DEFAULT_SCENARIO, "rate": DEFAULT_RATE, "seconds": DEFAULT_SECONDS},
    "min_rate": MIN_RATE,
    "max_rate": MAX_RATE,
    "max_seconds": MAX_SECONDS,
}
"""What can be asked for."""
