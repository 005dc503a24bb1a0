"""Control of the one load of the console: start, change, end, and what is said of it."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from cartwheel.console.live import Live
from cartwheel.console.load import words
from cartwheel.console.load.requested import DEFAULT_SCENARIO, RequestedLoad
from cartwheel.console.load.running_load import RunningLoad
from cartwheel.errors import CommandError, describe_error
from cartwheel.mesh import LoadState, Mark
from cartwheel.mesh.mark import LOAD_ENDS
from loadtest.target import problem_with

logger = logging.getLogger(__name__)

END_TIMEOUT = 2.0
"""Seconds that `stop` waits for the last responses."""
CHANGE_SETTLED = 1.0
"""Seconds after which a rate that is not turned any more is marked."""


@dataclass(frozen=True)
class EndedLoad:
    """The load before this one. Without a total it failed, or had not begun."""

    load: RunningLoad
    problem: str = ""


class LoadControl:
    """At most one load sends at a time; an earlier one may still wait for its last responses.

    ``find_target`` gives the URL of the shop, and raises `CommandError` without one. ``shop_pid``
    is another after a restart of the shop.
    """

    def __init__(
        self,
        live: Live,
        find_target: Callable[[], str],
        *,
        shop_pid: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._live = live
        self._find_target = find_target
        self._shop_pid = shop_pid
        self._loaded_pid: int | None = None
        self._tasks: dict[RunningLoad, asyncio.Task[None]] = {}
        self._changing = asyncio.Lock()
        self._change_mark: asyncio.TimerHandle | None = None
        self._newest: RunningLoad | None = None
        self.last: EndedLoad | None = None

    @property
    def current(self) -> RunningLoad | None:
        """The load that sends."""
        return self._newest if self._newest and self._newest.seconds_left else None

    @property
    def is_ending(self) -> bool:
        """Whether nothing is sent any more, but responses are still waited for."""
        return bool(self._tasks) and self.current is None

    def state(self) -> LoadState | None:
        """The load that sends, for a frame."""
        return self.current.state() if self.current else None

    async def start_or_change(self, requested: RequestedLoad) -> None:
        """Another scenario is another load. Raises `CommandError` without a shop."""
        async with self._changing:
            current = self.current
            is_same = current and requested.scenario in (None, current.scenario)
            if current and is_same and current.can_change:
                current.follow(requested.stages)
                self._mark_change_later(current)
                return
            scenario = current.scenario if current else DEFAULT_SCENARIO
            target = await self._checked_target()
            self._stop_all()
            self._start(RunningLoad(target, requested.scenario or scenario, requested.stages))

    async def stop(self) -> None:
        """End it, and wait a while for its last responses; the second time, for none."""
        async with self._changing:
            self._stop_all()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=END_TIMEOUT)

    def end_without_shop(self) -> None:
        """End a load whose shop has ended: another program may listen at its port by now."""
        if self._tasks and self._shop_pid() != self._loaded_pid:
            # The second time, no response is waited for.
            self._stop_all()
            self._stop_all()

    async def close(self) -> None:
        """End it at once."""
        self._cancel_change_mark()
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _checked_target(self) -> str:
        """Raises `CommandError`."""
        target = await asyncio.to_thread(self._find_target)
        if await problem_with(target):
            raise CommandError(
                f"The shop does not respond at {target}: wait until it is ready, or start it again."
            )
        return target

    def _start(self, load: RunningLoad) -> None:
        self._newest, self.last = load, None
        self._loaded_pid = self._shop_pid()
        self._tasks[load] = asyncio.create_task(self._run(load))
        self._mark_stages(load)

    def _stop_all(self) -> None:
        for load in self._tasks:
            load.stop()

    async def _run(self, load: RunningLoad) -> None:
        problem = ""
        try:
            await load.run()
        except Exception as error:
            logger.warning("the load failed: %s", describe_error(error))
            problem = describe_error(error)
        except asyncio.CancelledError:
            problem = "It ended with the console."
            raise
        finally:
            del self._tasks[load]
            self._conclude(load, problem)

    def _conclude(self, load: RunningLoad, problem: str) -> None:
        if load is self._newest:
            self._newest = None
            self.last = EndedLoad(load, problem)
            self._cancel_change_mark()
        if load.total:
            self._mark(LOAD_ENDS, words.conclusion(load.total))
        else:
            self._mark(LOAD_ENDS, problem or "It was ended before its first request.")

    def _mark_change_later(self, load: RunningLoad) -> None:
        """One mark for a dial that is turned, and not one for each step of it."""
        self._cancel_change_mark()
        loop = asyncio.get_running_loop()
        self._change_mark = loop.call_later(CHANGE_SETTLED, self._mark_stages, load)

    def _cancel_change_mark(self) -> None:
        if self._change_mark:
            self._change_mark.cancel()

    def _mark_stages(self, load: RunningLoad) -> None:
        sentence = words.describe(load.scenario, load.stages)
        self._mark(words.short(load.stages), sentence, at=load.stages_at)

    def _mark(self, title: str, detail: str, *, at: float | None = None) -> None:
        self._live.mark(Mark(at or time.time(), "load", title, detail))
