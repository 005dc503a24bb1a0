"""Observes the local run, and publishes a frame each second."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.routing import Route

from cartwheel.console.headline import headline_of
from cartwheel.console.live import Live
from cartwheel.console.local.frames import Seen, frame_of
from cartwheel.console.local.metrics import UNWATCHED, WATCHED, RunMetrics
from cartwheel.console.local.run_follower import RunFollower
from cartwheel.local.state_folder import StateFolder
from cartwheel.mesh import FaultState, Frame, LoadState
from cartwheel.mesh.traffic import Traffic

Effects = Sequence[Mapping[str, Any]]
CHECK_INTERVAL = 0.25
"""Seconds between two looks for a page that was opened."""


class LocalSource:
    """A part of the console: the run of a state folder.

    ``load_state`` and ``fault_states`` are what other parts know; the latter gets the effects of
    all faults that the supervisor knows. While nothing ``is_watched``, frames come less often.
    """

    def __init__(
        self,
        folder: StateFolder,
        live: Live,
        *,
        load_state: Callable[[], LoadState | None] = lambda: None,
        fault_states: Callable[[Effects], Sequence[FaultState]] = lambda _: (),
        is_watched: Callable[[], bool] = lambda: True,
    ) -> None:
        self.routes: Sequence[Route] = ()
        self._live = live
        self._load_state = load_state
        self._fault_states = fault_states
        self._is_watched = is_watched
        self._run = RunFollower(folder)
        self._metrics = RunMetrics()
        self._traffic = Traffic()
        self._frame: Frame | None = None

    async def run(self) -> None:
        """Publish frames until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run.run())
            tasks.create_task(self._publish_frames())

    async def _publish_frames(self) -> None:
        while True:
            began = time.monotonic()
            frame = await self._next_frame()
            self._live.publish(frame)
            await self._wait(began)

    async def _wait(self, began: float) -> None:
        """Until the next frame is due."""
        while True:
            passed = time.monotonic() - began
            left = (WATCHED if self._is_watched() else UNWATCHED).interval - passed
            if left <= 0:
                return
            await asyncio.sleep(min(left, CHECK_INTERVAL) if left > WATCHED.interval else left)

    async def _next_frame(self) -> Frame:
        run = self._run.state
        await self._metrics.scrape(run)
        before, self._traffic = self._traffic, self._metrics.traffic()
        frame = frame_of(
            Seen(
                time.time(),
                run,
                self._traffic,
                earlier_traffic=before,
                restarted=self._run.take_restarted(),
                failures=self._metrics.failures,
                load=self._load_state(),
                faults=self._fault_states(run.faults if run else ()),
            )
        )
        self._frame = replace(frame, headline=headline_of(frame, self._frame))
        return self._frame
