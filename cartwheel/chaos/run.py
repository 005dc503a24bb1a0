"""A run: the shop is observed, faults happen, and in the end the history is checked."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartwheel.chaos.catalogue import Fault
from cartwheel.chaos.checks import check_histories, open_books
from cartwheel.chaos.experiment import Experiment
from cartwheel.chaos.observation import observe
from cartwheel.chaos.plan import Planned
from cartwheel.chaos.results import FaultResult
from cartwheel.chaos.shop import Shop
from cartwheel.chaos.story import Story
from cartwheel.consistency import Report
from cartwheel.errors import CommandError
from cartwheel.local.faults.client import FaultSession
from cartwheel.local.signals import stop_signals_handled_in_loop


@dataclass(frozen=True)
class Choice:
    """What is to happen. Without ``minutes`` it ends with the plan.

    ``known`` are all faults that may come, ``seconds`` replace what each says itself.
    """

    plan: Iterator[Planned]
    known: Sequence[Fault]
    rate: float
    seed: int
    minutes: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class RunResult:
    """What all faults of a run did. ``problem``: why the history could not be checked."""

    shop: Shop
    seed: int
    faults: Sequence[FaultResult]
    report: Report | None
    was_interrupted: bool
    problem: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether there was a fault, each went as it must, and all checks passed."""
        is_checked = self.report is not None and self.report.passed
        return bool(self.faults) and is_checked and all(one.is_good for one in self.faults)

    @property
    def as_json(self) -> Mapping[str, Any]:
        return {
            "shop": {"url": self.shop.url, "stores": self.shop.stores, "own": self.shop.is_own},
            "seed": self.seed,
            "passed": self.is_good,
            "interrupted": self.was_interrupted,
            "faults": [fault.as_json for fault in self.faults],
            "problem": self.problem,
            "checks": self.report.as_json() if self.report else None,
        }


async def run_plan(
    choice: Choice, shop: Shop, session: FaultSession, story: Story, *, folder: Path
) -> RunResult:
    """Have the faults happen. The first Ctrl-C ends the fault and the run, the second ends at once.

    What was measured is kept if the history cannot be checked. Raises `CommandError` before that.
    """
    results: list[FaultResult] = []
    report, problem = None, None
    with _interrupted_by_signals() as interrupted:
        try:
            report = await _follow(choice, shop, session, story, folder, interrupted, results)
            story.checks(report)
        except CommandError as error:
            if not results:
                raise
            problem = str(error)
            story.report("✗", f"Not checked: {problem}")
    return RunResult(shop, choice.seed, results, report, interrupted.is_set(), problem)


async def _follow(
    choice: Choice,
    shop: Shop,
    session: FaultSession,
    story: Story,
    folder: Path,
    interrupted: asyncio.Event,
    results: list[FaultResult],
) -> Report:
    """Add the result of each fault, and check the history. Raises `CommandError`."""
    queries = [fault.symptom.parsed for fault in choice.known]
    opening = await open_books(shop)
    async with observe(
        shop, queries, folder=folder, rate=choice.rate, seed=choice.seed
    ) as observation:
        experiment = Experiment(observation, session, interrupted, story)
        story.begins()
        await experiment.wait_for_baseline()
        ends_at = time.monotonic() + (choice.minutes or 0.0) * 60
        for planned in choice.plan:
            if interrupted.is_set() or (choice.minutes and time.monotonic() >= ends_at):
                break
            await experiment.wait(planned.pause)
            if interrupted.is_set():
                break
            result = await experiment.run(planned.fault, seconds=choice.seconds)
            results.append(result)
            story.result(result)
        story.settles()
        total = await observation.shoppers.stop()
    return await check_histories(folder, shop, opening, unsettled=total.unsettled)


@contextmanager
def _interrupted_by_signals() -> Iterator[asyncio.Event]:
    """Set by the first signal that asks to stop; the second one cancels this task."""
    interrupted = asyncio.Event()
    task = asyncio.current_task()
    assert task is not None

    def stop() -> None:
        if interrupted.is_set():
            task.cancel()
        interrupted.set()

    with stop_signals_handled_in_loop(stop):
        yield interrupted
