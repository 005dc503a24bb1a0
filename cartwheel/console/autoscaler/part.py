"""The routes of the autoscaler.

`GET /api/autoscaler` says what is in force, `PUT` changes it, by fields or by the whole manifest.
The manifest is the only truth: fields are read from it and written into it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cartwheel.autoscaling.editing import paused, resumed
from cartwheel.console.autoscaler.edits import InvalidEdit, edited, made_from, on_manifest
from cartwheel.console.autoscaler.marks import marks_of_changes
from cartwheel.console.autoscaler.simulation import Arrivals, Comparison, compare, requested_seconds
from cartwheel.console.autoscaler.view import preview, view_of
from cartwheel.console.live import Live
from cartwheel.console.server import problem, read_object
from cartwheel.local.autoscaling.chosen import autoscaler_of_text
from cartwheel.local.autoscaling.snapshot import Snapshot, snapshot_of
from cartwheel.local.run_client import send_to_run
from cartwheel.local.state_folder import StateFolder
from cartwheel.mesh import Mark
from cartwheel.recording import RecordingTail

PATH = "/api/autoscaler"
RESPONSE_TIMEOUT = 10.0
TAIL_INTERVAL = 0.5
SOURCE = "the manifest"

Endpoint = Callable[[Request], Awaitable[Response]]


class AutoscalerPart:
    """The part of the console that changes the autoscaler of the run in a state folder.

    ``arrivals`` gives the requests a second to the scaled service between two times, for a session
    whose autoscaler does not measure them. ``keep_earlier`` gets the marks of changes that are
    recorded when it starts.
    """

    def __init__(
        self,
        live: Live,
        state: StateFolder,
        *,
        arrivals: Arrivals = lambda *_: (),
        keep_earlier: Callable[[Sequence[Mark]], None] = lambda _: None,
    ) -> None:
        self._live = live
        self._state = state
        self._arrivals = arrivals
        self._keep_earlier = keep_earlier
        self._simulating = asyncio.Lock()
        self._changing = asyncio.Lock()

    @property
    def routes(self) -> Sequence[Route]:
        return [
            Route(PATH, _with_field_of_problem(self._get), methods=["GET"]),
            Route(PATH, _with_field_of_problem(self._put), methods=["PUT"]),
            Route(f"{PATH}/preview", _with_field_of_problem(self._preview), methods=["POST"]),
            Route(f"{PATH}/pause", _with_field_of_problem(self._pause), methods=["POST"]),
            Route(f"{PATH}/resume", _with_field_of_problem(self._resume), methods=["POST"]),
            Route(f"{PATH}/simulation", _with_field_of_problem(self._simulate), methods=["POST"]),
        ]

    async def run(self) -> None:
        """Mark each change, whoever makes it, until cancelled."""
        tail = RecordingTail(self._state.recording)
        marks = marks_of_changes(tail)
        try:
            self._keep_earlier(await asyncio.to_thread(next, marks))
            while True:
                for mark in await asyncio.to_thread(next, marks):
                    self._live.mark(mark)
                await asyncio.sleep(TAIL_INTERVAL)
        finally:
            tail.close()

    async def _get(self, _: Request) -> JSONResponse:
        return await asyncio.to_thread(self._view)

    async def _put(self, request: Request) -> JSONResponse:
        body = await read_object(request)
        return await self._change(lambda one: edited(one, body), made_from=made_from(body))

    async def _pause(self, _: Request) -> JSONResponse:
        return await self._change(lambda one: on_manifest(paused, one))

    async def _resume(self, _: Request) -> JSONResponse:
        return await self._change(lambda one: on_manifest(resumed, one))

    async def _preview(self, request: Request) -> JSONResponse:
        body = await read_object(request)

        def respond() -> JSONResponse:
            now = self._snapshot()
            after = autoscaler_of_text(edited(now.manifest, body), [now.service], source=SOURCE)
            return JSONResponse(preview(now, after))

        return await asyncio.to_thread(respond)

    async def _simulate(self, request: Request) -> JSONResponse:
        body = await read_object(request)
        async with self._simulating:
            return await asyncio.to_thread(self._compare, body)

    def _compare(self, body: Mapping[str, Any]) -> JSONResponse:
        seconds = requested_seconds(body)
        now = self._snapshot()
        after = autoscaler_of_text(edited(now.manifest, body), [now.service], source=SOURCE)
        before = autoscaler_of_text(now.manifest, [now.service], source=SOURCE)
        comparison = Comparison(
            before.autoscaler,
            after.autoscaler,
            service=now.service,
            sync_period=now.options.sync_period,
            resolution=self._resolution(),
        )
        end = time.time()
        return JSONResponse(
            compare(
                comparison,
                recording=self._state.recording,
                arrivals=self._arrivals,
                since=end - seconds,
                until=end,
            )
        )

    def _view(self, snapshot: Snapshot | None = None) -> JSONResponse:
        return JSONResponse(view_of(snapshot or self._snapshot()))

    async def _change(
        self, edit: Callable[[str], str], *, made_from: str | None = None
    ) -> JSONResponse:
        """One edit at a time; the supervisor refuses one that another process has overtaken."""

        def change() -> JSONResponse:
            now = self._snapshot().manifest
            base = now if made_from is None else made_from
            request = {"manifest": edit(now), "made_from": base, "source": SOURCE}
            return self._view(self._send(request))

        async with self._changing:
            return await asyncio.to_thread(change)

    def _snapshot(self) -> Snapshot:
        return self._send({})

    def _send(self, request: Mapping[str, Any]) -> Snapshot:
        message = {"command": "autoscaler", **request}
        return snapshot_of(self._request(message))

    def _resolution(self) -> float:
        """Seconds between two measurements of this run."""
        settings = self._request({"command": "status"})["settings"]
        return float(settings["autoscale_resolution"])

    def _request(self, message: dict[str, Any]) -> dict[str, Any]:
        """Raises `CommandError`."""
        return send_to_run(self._state, message, timeout=RESPONSE_TIMEOUT)


def _with_field_of_problem(endpoint: Endpoint) -> Endpoint:
    """An edit that is wrong is a problem that names its field."""

    async def respond(request: Request) -> Response:
        try:
            return await endpoint(request)
        except InvalidEdit as error:
            return problem(422, "Not possible like this", str(error), field=error.field)

    return respond
