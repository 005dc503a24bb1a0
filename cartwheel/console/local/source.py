"""Observes the local run, and publishes a frame each second."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cartwheel.console.autoscaler_state import autoscaler_state, counts_of
from cartwheel.console.explanation_json import explanation_json, no_explanation_json
from cartwheel.console.headline import headline_of
from cartwheel.console.live import Live
from cartwheel.console.local.decisions import Decisions
from cartwheel.console.local.frames import Seen, frame_of
from cartwheel.console.local.metrics import UNWATCHED, WATCHED, RunMetrics, Sampling
from cartwheel.console.local.problems import (
    problem_of_recording,
    problem_of_run,
    problem_of_scrapes,
)
from cartwheel.console.local.run_follower import RunFollower
from cartwheel.console.server import number_of
from cartwheel.errors import CommandError
from cartwheel.local.run_state import RunState
from cartwheel.local.state_folder import StateFolder
from cartwheel.mesh import AutoscalerState, FaultState, Frame, LoadState, Mark
from cartwheel.mesh.traffic import Traffic

Effects = Sequence[Mapping[str, Any]]
EARLIER_FRAMES = 4
"""Of the last seconds, a little longer than the window of the rates."""
CHECK_INTERVAL = 0.25
"""Seconds between two looks for a page that was opened."""


class LocalSource:
    """A part of the console: the run of a state folder.

    ``load_state`` and ``fault_states`` are what other parts know; the latter gets the effects of
    all faults that the supervisor knows. ``keep_earlier`` gets the marks of decisions that are
    recorded when it starts. While it is not ``is_watched``, frames come less often.
    """

    def __init__(
        self,
        folder: StateFolder,
        live: Live,
        *,
        load_state: Callable[[], LoadState | None] = lambda: None,
        fault_states: Callable[[Effects], Sequence[FaultState]] = lambda _: (),
        keep_earlier: Callable[[Sequence[Mark]], None] = lambda _: None,
        is_watched: Callable[[], bool] = lambda: True,
        sampling: Sampling = WATCHED,
    ) -> None:
        self.routes: Sequence[Route] = (Route("/api/explanation", self._get_explanation),)
        self._folder = folder
        self._live = live
        self._load_state = load_state
        self._fault_states = fault_states
        self._keep_earlier = keep_earlier
        self._is_watched = is_watched
        self._sampling = sampling
        self._changed = asyncio.Event()
        self._run = RunFollower(folder, on_change=self._changed.set)
        self._metrics = RunMetrics(watched=sampling)
        self._decisions = Decisions(folder)
        self._earlier_traffic: deque[Traffic] = deque(maxlen=EARLIER_FRAMES)
        self._frame: Frame | None = None

    @property
    def run_state(self) -> RunState | None:
        """What runs now; None while no supervisor answers."""
        return self._run.state

    async def run(self) -> None:
        """Publish frames until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._run.run())
                tasks.create_task(self._scrape_new_replicas())
                self._keep_earlier(await asyncio.to_thread(self._decisions.read_earlier))
                tasks.create_task(self._publish_frames())
        finally:
            self._decisions.close()

    async def _publish_frames(self) -> None:
        while True:
            began = time.monotonic()
            for mark in self._decisions.read_new():
                self._live.mark(mark)
            self._frame = await self._next_frame()
            self._live.publish(self._frame)
            await self._wait(began)

    async def _scrape_new_replicas(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._metrics.scrape_new(self._run.state)

    async def _wait(self, began: float) -> None:
        """Until the next frame is due; a page that is opened need not wait for long."""
        while True:
            sampling = self._sampling if self._is_watched() else UNWATCHED
            left = began + sampling.interval - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(left, CHECK_INTERVAL))

    async def _next_frame(self) -> Frame:
        run = self._run.state
        await self._metrics.scrape(run)
        traffic = self._metrics.traffic()
        frame = frame_of(
            Seen(
                time.time(),
                run,
                traffic,
                earlier_traffic=self._earlier_traffic,
                restarted=self._run.take_restarted(),
                failures=list(self._metrics.failures.values()),
                load=self._load_state(),
                faults=self._fault_states(self._run.effects),
                problem=self._problem(run),
            )
        )
        self._earlier_traffic.append(traffic)
        frame = replace(frame, autoscaler=self._autoscaler(run, frame))
        return replace(frame, headline=headline_of(frame, self._frame))

    def _autoscaler(self, run: RunState | None, frame: Frame) -> AutoscalerState | None:
        if run is None or run.autoscaled is None:
            return None
        decided = self._decisions.latest(since=run.started_at)
        service = next((one for one in frame.services if one.name == run.autoscaled), None)
        if decided is None or service is None:
            return None
        return autoscaler_state(decided, counts_of(service), arrivals=service.rate)

    def _problem(self, run: RunState | None) -> str:
        root, lost_at, refusal = self._folder.root, self._run.lost_at, self._run.refusal
        if problem := problem_of_run(root, run, lost_at=lost_at, refusal=refusal):
            return problem
        assert run is not None
        broken_on_purpose = {one["target"] for one in run.faults}
        failures = [
            one for one in self._metrics.lasting_failures if one.replica not in broken_on_purpose
        ]
        return problem_of_scrapes(self._folder, failures) or (
            problem_of_recording(
                self._folder.recording,
                last_sync=self._decisions.last_sync,
                sync_period=self._decisions.sync_period,
                run=run,
                now=time.time(),
            )
        )

    async def _get_explanation(self, request: Request) -> JSONResponse:
        at = number_of(request, "at")
        try:
            explanation = self._decisions.explanation(at)
            if explanation is None:
                assert at is not None
                explanation = await asyncio.to_thread(self._decisions.recorded_explanation, at)
        except CommandError as error:
            return JSONResponse(no_explanation_json(time.time() if at is None else at, str(error)))
        return JSONResponse(explanation_json(explanation))
