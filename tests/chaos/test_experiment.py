"""A fault of a shop that is told what it measures: what is concluded from it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from cartwheel.chaos import experiment as module
from cartwheel.chaos.catalogue import Fault, find_fault
from cartwheel.chaos.experiment import Experiment
from cartwheel.chaos.observation import Observation
from cartwheel.chaos.results import FaultResult, SymptomSeen
from cartwheel.errors import CommandError

SLOW = find_fault("valkey-slow")
FAULT = SLOW.model_copy(update={"seconds": 0.3, "recovers_within": 0.5, "inject": SLOW.inject * 2})
QUERY = FAULT.symptom.query


class FakeSession:
    """Remembers the effects that go on."""

    def __init__(self, *, problem: str = "") -> None:
        self.active: list[int] = []
        self.asked: list[int] = []
        self._problem = problem

    def inject(self, effect: Any) -> int:
        self.active.append(len(self.active))
        return self.active[-1]

    def undo(self, effect_id: int) -> None:
        self.asked.append(effect_id)
        if self._problem and effect_id == 1:
            raise CommandError(self._problem)
        self.active.remove(effect_id)


class Told:
    """What is told as a fault goes on."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def injected(self, fault: Fault) -> None:
        self.words.append("injected")

    def seen(self, fault: Fault, found: SymptomSeen) -> None:
        self.words.append("seen")

    def ended(self, fault: Fault) -> None:
        self.words.append("ended")


@pytest.fixture(autouse=True)
def is_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXTRA_TIMEOUT", 0.5)
    monkeypatch.setattr(module, "MAX_AFTERMATH", 0.3)
    monkeypatch.setattr(module, "POLL_INTERVAL", 0.01)


async def result_of(
    session: FakeSession, value: Callable[[], float], told: Told | None = None
) -> FaultResult:
    """Of a run of the fault, while the symptom's query has the value."""
    nothing: Any = None
    observation = Observation(nothing, nothing, {}, nothing, [FAULT.symptom.parsed])
    observation.status = {"services": []}
    values = observation.values.setdefault(QUERY, [(time.monotonic(), value())])

    async def observe() -> None:
        while True:
            values.append((time.monotonic(), value()))
            await asyncio.sleep(0.01)

    observing = asyncio.create_task(observe())
    fake: Any = session
    try:
        return await Experiment(observation, fake, asyncio.Event(), told or Told()).run(FAULT)
    finally:
        observing.cancel()
        with suppress(asyncio.CancelledError):
            await observing


async def test_a_fault_that_goes_as_it_must_is_good() -> None:
    session, told = FakeSession(), Told()
    result = await result_of(session, lambda: 0.5 if session.active else 0.0, told)
    assert result.is_good
    assert told.words == ["injected", "seen", "ended"]


async def test_what_cannot_be_undone_is_not_good_and_the_rest_is_undone() -> None:
    session = FakeSession(problem="The process is gone.")
    result = await result_of(session, lambda: 0.5 if session.active and not session.asked else 0.0)
    assert result.undo_problem == "The process is gone."
    assert session.asked == [1, 0]
    assert result.has_recovered
    assert not result.is_good


async def test_a_shop_has_not_recovered_while_the_symptom_shows() -> None:
    session = FakeSession()
    result = await result_of(session, lambda: 0.5 if session.active or session.asked else 0.0)
    assert result.recovery is None


async def test_a_symptom_that_shows_before_the_fault_is_not_measured() -> None:
    session = FakeSession()
    result = await result_of(session, lambda: 0.5)
    assert result.problem is not None
    assert result.problem.startswith("It shows before the fault: ")
    assert not session.asked


async def test_a_symptom_that_shows_when_the_fault_is_over_is_told_of() -> None:
    session, told = FakeSession(), Told()
    ends: list[float] = []

    def value() -> float:
        if not session.asked:
            return 0.0
        ends.append(time.monotonic())
        return 0.5 if ends[-1] - ends[0] < 0.1 else 0.0

    await result_of(session, value, told)
    assert told.words == ["injected", "ended", "seen"]
