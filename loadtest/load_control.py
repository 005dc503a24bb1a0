"""Control of the load that the service puts on the shop: one scenario at one rate."""

import asyncio

from app.telemetry.metrics import KNOWN_LATER, Metrics
from loadtest import generator, scenarios
from loadtest.models import Load
from loadtest.settings import LoadSettings
from loadtest.statistics import LoadStatistics


class LoadControl:
    """Runs one generator at a time and sets its rate."""

    def __init__(self, settings: LoadSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._sent = metrics.counter(
            "load_requests_total",
            "How many requests were sent, by the status of the response?",
            {"scenario": KNOWN_LATER, "status": KNOWN_LATER},
        )
        self._missed = metrics.counter(
            "load_requests_missed_total",
            "How many requests were due and not sent, because all shoppers waited?",
            {"scenario": scenarios.SCENARIOS},
        )
        self._scenario: str = settings.load_scenario
        self._generator: generator.Generator | None = None
        # The generator that sends, and stopped ones that wait for their last responses.
        self._tasks: set[asyncio.Task[LoadStatistics]] = set()

    def set_rate(self, rate: float, scenario: str | None, seconds: float) -> None:
        """Change the rate. Another scenario, or a load that has ended, means a new load."""
        current = self._generator
        if current and (scenario not in (None, self._scenario) or not current.seconds_left):
            current.stop()
            current = None
        self._scenario = scenario or self._scenario
        if current is None:
            self._generator = self._new_generator()
            self._generator.set_rate(rate, seconds=seconds)
            self._start(self._generator)
        else:
            current.set_rate(rate, seconds=seconds)

    async def stop(self) -> None:
        """End the load without waiting for responses."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def load(self) -> Load:
        """The current load and its statistics."""
        current = self._generator
        left = current.seconds_left if current and current.rate else 0.0
        statistics = current.statistics if current else LoadStatistics()
        p95 = statistics.quantile(0.95)
        return Load(
            scenario=self._scenario,
            rate=current.rate if current and left else 0.0,
            seconds_left=round(left, 1),
            sent=statistics.sent,
            missed=statistics.missed,
            failed=statistics.failed,
            p95_seconds=None if p95 is None else round(p95, 4),
        )

    def _new_generator(self) -> generator.Generator:
        scenario = self._scenario
        missed = self._missed.labels(scenario)
        return generator.Generator(
            self._settings.load_target,
            scenario=scenario,
            shoppers=self._settings.load_shoppers,
            on_response=lambda _, response, __: self._sent.labels(
                scenario, str(response.status)
            ).inc(),
            on_missed=missed.inc,
        )

    def _start(self, new: generator.Generator) -> None:
        task = asyncio.create_task(new.send())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
