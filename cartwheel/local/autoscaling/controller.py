"""The loop of the autoscaler: measure the replicas, decide, scale.

As in kube-controller-manager, each sync sees the count that was asked for and the count that
there is, and none waits for a scale that is under way.

`Controller.snapshot` is what `cartwheel explain` reads: the response to
``{"command": "autoscaler"}`` on the control socket. `snapshot.snapshot_of` makes it a `Snapshot`
again: the autoscaler, the controller's options, what it remembers, the last sync.
"""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from cartwheel.autoscaling.changes import Engine, changed
from cartwheel.autoscaling.decision import Decision
from cartwheel.autoscaling.keda import KedaAutoscaler, autoscaler_of
from cartwheel.autoscaling.observation import Observation, Unavailable
from cartwheel.autoscaling.pausing import is_paused
from cartwheel.autoscaling.spec import ControllerOptions
from cartwheel.errors import CommandError, UsageError, describe_error
from cartwheel.local.autoscaling.announcements import (
    describe_change,
    describe_edit,
    describe_metrics,
    describe_poll,
)
from cartwheel.local.autoscaling.chosen import ChosenAutoscaler
from cartwheel.local.autoscaling.journal import Journal
from cartwheel.local.autoscaling.measurements import Measurements
from cartwheel.local.autoscaling.observations import ScaledReplicas, pods_of, scale_of
from cartwheel.local.autoscaling.problems import Problems
from cartwheel.local.autoscaling.snapshot import Snapshot
from cartwheel.local.events import Emit
from cartwheel.local.retrying import retry_until_done

# As in the cluster: `kind.yaml`.
CPU_INITIALIZATION_PERIOD = 30.0
INITIAL_READINESS_DELAY = 10.0
NO_VALUE = "no value"
NOT_RECORDED = "not recorded"
ENDED = {
    NO_VALUE: "the autoscaler has a value again",
    NOT_RECORDED: "the recording is written again",
}
MAX_SCRAPE_TIMEOUT = 1.0  # seconds
CHANGED_BEFORE = (
    "The autoscaler has been changed meanwhile, and this edit was made from the manifest before: "
    "look at the one in force, then edit it again."
)


@dataclass(frozen=True)
class LastSync:
    """A sync with what decided it: a change of the autoscaler waits for the next one."""

    chosen: ChosenAutoscaler
    engine: Engine
    observation: Observation
    decision: Decision


class Controller:
    """Scales one service by its autoscaler."""

    def __init__(
        self,
        chosen: ChosenAutoscaler,
        *,
        replicas: ScaledReplicas,
        sync_period: float,
        resolution: float,
        journal: Journal,
        emit: Emit,
        now: Callable[[], float] = time.time,
    ) -> None:
        """``resolution``: seconds between two measurements."""
        self.chosen = chosen
        self._original = chosen.manifest
        self._options = ControllerOptions(
            sync_period=sync_period,
            cpu_initialization_period=CPU_INITIALIZATION_PERIOD,
            initial_readiness_delay=INITIAL_READINESS_DELAY,
        )
        self._engine = autoscaler_of(chosen.autoscaler, self._options)
        self._measurements = Measurements(
            chosen.metrics,
            resolution=resolution,
            scrape_timeout=min(resolution, MAX_SCRAPE_TIMEOUT),
        )
        self._replicas = replicas
        self._resolution = resolution
        self._journal = journal
        self._emit = emit
        self._now = now
        self._problems = Problems(emit)
        self._last: LastSync | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._polling = _polling(chosen)
        self._is_running = False

    async def run(self) -> None:
        """Measure, decide and scale until cancelled."""
        self._start_session()
        self._is_running = True
        self._replicas.watch(self._follow_replicas)
        try:
            await retry_until_done(
                self._run, "the autoscaler", lambda message: self._emit("failure", message)
            )
        finally:
            for task in self._tasks:
                task.cancel()
            self._journal.close()

    def status(self) -> dict[str, Any]:
        """A summary for `cartwheel status`."""
        autoscaler = self.chosen.autoscaler
        metrics = ""
        if self._last is not None:
            last = self._last
            metrics = describe_metrics(last.decision, units=last.chosen.units)
        return {
            "service": self.chosen.service,
            "metrics": metrics,
            "desired": self._replicas.desired,
            "min": autoscaler.min_replicas,
            "max": autoscaler.max_replicas,
            "is_paused": is_paused(autoscaler),
        }

    @property
    def problems(self) -> Sequence[str]:
        """What keeps it from deciding, or from seeing a replica."""
        return self._problems.present

    def snapshot(self) -> dict[str, Any]:
        """All that `cartwheel explain` needs, as JSON."""
        last = self._last
        explained = last.chosen if last else self.chosen
        return Snapshot(
            service=self.chosen.service,
            manifest=self.chosen.manifest,
            original=self._original,
            decided_by=explained.manifest,
            autoscaler=explained.autoscaler,
            options=self._options,
            units=explained.units,
            state=last.engine.state if last else self._engine.state,
            observation=last.observation if last else None,
            decision=last.decision if last else None,
        ).as_json()

    def change(self, chosen: ChosenAutoscaler, *, made_from: str | None = None) -> None:
        """Go on with another autoscaler of the same service, from the next sync on.

        It remembers what that of a cluster would; one of another name is another object, and
        remembers nothing. ``made_from`` is the manifest that was edited: if another one is in force
        by now, its change would be lost. Raises `UsageError` for another service, `CommandError`
        for that and before `run`.
        """
        before = self.chosen
        if not self._is_running:
            raise CommandError("The autoscaler is just starting: try again in a moment.")
        if made_from not in (None, before.manifest):
            raise CommandError(CHANGED_BEFORE)
        if chosen.service != before.service:
            raise UsageError(
                f"It scales {chosen.service}; the autoscaler of this run scales {before.service}."
            )
        if chosen.manifest == before.manifest:
            return
        self.chosen = chosen
        self._measurements.change(chosen.metrics)
        self._polling = _polling(chosen)
        if chosen.autoscaler.name == before.autoscaler.name:
            self._engine = changed(self._engine, chosen.autoscaler)
            self._journal.change(chosen.autoscaler, chosen.units, manifest=chosen.manifest)
        else:
            self._engine = autoscaler_of(chosen.autoscaler, self._options)
            self._start_session()
        edit = describe_edit(before.autoscaler, chosen.autoscaler)
        self._emit("success", f"its autoscaler: {edit}")

    def _start_session(self) -> None:
        chosen = self.chosen
        self._journal.start(
            chosen.autoscaler, self._options, chosen.units, manifest=chosen.manifest
        )

    async def _run(self) -> None:
        measuring, syncing = Ticker(self._resolution), Ticker(self._options.sync_period)
        while True:
            if measuring.is_due():
                await self._measurements.measure(self._replicas.replicas)
            if syncing.is_due():
                self._sync()
                # A scale begins now, so that the poll sees what was asked for.
                await asyncio.sleep(0)
            if self._polling.is_due():
                self._poll()
            tickers = (measuring, syncing, self._polling)
            await asyncio.sleep(min(ticker.seconds_left() for ticker in tickers))

    def _sync(self) -> None:
        observation = self._observe()
        decision = self._engine.sync(observation)
        self._last = LastSync(self.chosen, self._engine, observation, decision)
        self._journal.add_sync(self.chosen.autoscaler.name, observation, decision)
        self._record_replicas()
        self._report_problems(observation, decision)
        if decision.desired != decision.current:
            self._emit("pending", describe_change(decision, units=self.chosen.units))
            self._start(self._scale(decision.desired))

    def _poll(self) -> None:
        """Let KEDA take the service from zero, or there."""
        if not isinstance(self._engine, KedaAutoscaler):
            return
        poll = self._engine.poll(self._observe())
        if poll.desired != poll.current:
            self._emit("pending", describe_poll(poll))
            self._start(self._scale(poll.desired))

    def _observe(self) -> Observation:
        at = self._now()
        return Observation(
            at,
            scale_of(self._replicas),
            pods_of(self._replicas.replicas, self.chosen.requests),
            self._measurements.readings(at),
        )

    def _record_replicas(self) -> None:
        serving = self._measurements.serving(self._now())
        self._journal.add_replicas(self.chosen.service, self._replicas, serving=len(serving))

    def _follow_replicas(self) -> None:
        """A replica has changed: nothing waits for the next sync."""
        self._record_replicas()
        self._start(self._measurements.measure_new(self._replicas.replicas))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _scale(self, count: int) -> None:
        try:
            await self._replicas.scale(count)
        except Exception as error:
            self._emit("failure", f"cannot be scaled to {count}: {describe_error(error)}")

    def _report_problems(self, observation: Observation, decision: Decision) -> None:
        found = {name: f"{name} {problem}" for name, problem in self._measurements.failures.items()}
        unread = [one.message for one in observation.readings if isinstance(one, Unavailable)]
        failed = [one.error for one in decision.proposals if one.error is not None]
        if reasons := unread or failed:
            found[NO_VALUE] = f"the autoscaler has no value: {reasons[0]}"
        if problem := self._journal.problem:
            found[NOT_RECORDED] = f"the recording cannot be written ({problem})"
        self._problems.update(found, ended=ENDED)


def _polling(chosen: ChosenAutoscaler) -> "Ticker":
    """KEDA polls at once when it sees another ScaledObject; nothing else is polled."""
    return Ticker(getattr(chosen.autoscaler, "polling_interval", math.inf))


class Ticker:
    """Comes due once in each period, late if it has to, and never twice for a missed one."""

    def __init__(self, period: float) -> None:
        self._period = period
        self._next = time.monotonic()

    def is_due(self) -> bool:
        """Whether the time has come; if so, the next period begins."""
        if self.seconds_left() > 0:
            return False
        now = time.monotonic()
        self._next += self._period
        if self._next <= now:
            self._next = now + self._period
        return True

    def seconds_left(self) -> float:
        return max(0.0, self._next - time.monotonic())
