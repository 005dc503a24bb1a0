"""A load from its start until its last response."""

import time
from collections.abc import Sequence

from cartwheel.load.engine import Engine, Load
from cartwheel.mesh import LoadState
from loadtest.arrivals import Schedule, Stage
from loadtest.figures import Figures, Total
from loadtest.generator import usual_shoppers

MIN_SECONDS_LEFT = 0.5
"""A change of a load that is nearly over might reach its generator too late."""
MIN_MEASURED = 0.2
"""Seconds. Figures of less, from before a change, say little."""


class RunningLoad:
    """The process of a load, and what is known of it."""

    def __init__(self, target: str, scenario: str, stages: Sequence[Stage]) -> None:
        self.scenario = scenario
        self.total: Total | None = None
        self._engine = Engine(Load(target, scenario, stages, usual_shoppers(stages)))
        self._figures: Figures | None = None
        self._failed = self._missed = 0
        self._is_changed = self._is_stopped = False
        self._begin(stages)

    def _begin(self, stages: Sequence[Stage], *, ago: float = 0.0) -> None:
        self.stages = stages
        self.stages_at = time.time() - ago
        self._schedule = Schedule(stages, starts_at=time.monotonic() - ago)

    @property
    def asked(self) -> float:
        """Requests a second that are asked for now."""
        return 0.0 if self._is_stopped else self._schedule.rate_at(time.monotonic())

    @property
    def seconds_left(self) -> float:
        left = self._schedule.ends_at - time.monotonic()
        return 0.0 if self._is_stopped else max(left, 0.0)

    @property
    def can_change(self) -> bool:
        return self.seconds_left > MIN_SECONDS_LEFT

    async def run(self) -> None:
        """Run it until its last response. Raises `CommandError`.

        It begins when the generator has started: the first figures say when that was.
        """
        async for figures in self._engine.run():
            if isinstance(figures, Figures):
                if self._figures is None and not self._is_changed:
                    self._begin(self.stages, ago=figures.seconds)
                self._add(figures)
            else:
                self.total = figures

    def _add(self, figures: Figures) -> None:
        self._failed += figures.failed
        self._missed += figures.missed
        if figures.seconds >= MIN_MEASURED:
            self._figures = figures

    def follow(self, stages: Sequence[Stage]) -> None:
        """Send according to these stages from now on."""
        self._is_changed = True
        self._begin(stages)
        self._engine.follow(stages, shoppers=usual_shoppers(stages))

    def stop(self) -> None:
        """Send nothing more; the second time, also wait for no response."""
        self._is_stopped = True
        self._engine.stop()

    def state(self) -> LoadState:
        """How it goes: quantiles of the last second, failures since it began."""
        last = self._figures
        return LoadState(
            self.scenario,
            self.asked,
            achieved=last.achieved if last else None,
            seconds_left=self.seconds_left,
            p50=last.p50 if last else None,
            p95=last.p95 if last else None,
            p99=last.p99 if last else None,
            failed=self._failed,
            missed=self._missed,
        )
