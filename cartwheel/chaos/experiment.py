"""One fault from its injection until the shop is as before."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from cartwheel.chaos.catalogue import Fault, ProbeName
from cartwheel.chaos.observation import Observation
from cartwheel.chaos.probes import Seen
from cartwheel.chaos.results import FaultResult, ProbeFigures, SymptomSeen
from cartwheel.chaos.symptoms import Samples, gone_since, is_shown, seen_since
from cartwheel.errors import CommandError
from cartwheel.local.faults.client import FaultSession
from cartwheel.local.faults.effects import read_effect

BASELINE_SECONDS = 3.0
# Beyond what its fault allows, so that a recovery that comes late is measured.
EXTRA_TIMEOUT = 10.0
POLL_INTERVAL = 0.1
MAX_AFTERMATH = 10.0
# A probe is as before when so many requests in a row are good: they succeed, and take no longer
# than three times the slowest one before the fault, or two seconds.
GOOD_IN_A_ROW = 3
USUAL_TIMES, MIN_USUAL = 3.0, 2.0


class Listener(Protocol):
    """Is called as a fault goes on."""

    def injected(self, fault: Fault) -> None: ...

    def seen(self, fault: Fault, found: SymptomSeen) -> None: ...

    def ended(self, fault: Fault) -> None: ...


class Experiment:
    """Injects faults into an observed shop. ``interrupted`` ends a fault early."""

    def __init__(
        self,
        observation: Observation,
        session: FaultSession,
        interrupted: asyncio.Event,
        listener: Listener,
    ) -> None:
        self._observation = observation
        self._session = session
        self._interrupted = interrupted
        self._listener = listener

    async def wait_for_baseline(self) -> None:
        """See what is usual."""
        await self.wait(BASELINE_SECONDS)

    async def run(self, fault: Fault, *, seconds: float | None = None) -> FaultResult:
        """Inject the fault, undo it, and wait until the shop is as before."""
        if not await self._becomes_unseen(fault):
            what = fault.symptom.sentence.removesuffix(".")
            return FaultResult(fault, time.time(), problem=f"It shows before the fault: {what}.")
        self._observation.reactions.forget()
        limits = {name: _usual(seen) for name, seen in self._observation.probes.items()}
        at, started = time.time(), time.monotonic()
        effects: list[int] = []
        problem: str | None = None
        was_told = False
        try:
            for effect in fault.inject:
                effects.append(await self._inject(effect))
            self._listener.injected(fault)
            was_told = await self._watch(fault, started, seconds=seconds or fault.seconds)
        except CommandError as error:
            problem = str(error)
        finally:
            undo_problem = await self._undo(effects)
        if problem is not None:
            return FaultResult(fault, at, problem=problem, undo_problem=undo_problem)
        ended = time.monotonic()
        self._listener.ended(fault)
        recovery = await self._recovery(fault, started if fault.is_instant else ended, limits)
        result = self._result(fault, started, ended)
        if not was_told and result.symptom.after is not None:
            self._listener.seen(fault, result.symptom)
        return replace(result, injected_at=at, recovery=recovery, undo_problem=undo_problem)

    def _result(self, fault: Fault, started: float, ended: float) -> FaultResult:
        """What was measured in this time."""
        observation = self._observation
        return FaultResult(
            fault,
            injected_at=started,
            lasted=ended - started,
            symptom=seen_since(fault.symptom, self._samples_of(fault), started),
            probes={
                name: ProbeFigures.of(
                    [one for one in seen if one.returned_at >= started and one.called_at <= ended]
                )
                for name, seen in observation.probes.items()
            },
            reactions=observation.reactions.as_json,
            reaction_sentences=list(observation.reactions.sentences),
            was_interrupted=self._interrupted.is_set(),
        )

    async def _becomes_unseen(self, fault: Fault) -> bool:
        """What a fault before this one has caused is still in the rates of some seconds."""
        deadline = time.monotonic() + MAX_AFTERMATH
        while not self._interrupted.is_set():
            if not is_shown(fault.symptom, self._samples_of(fault)):
                return True
            if time.monotonic() >= deadline:
                return False
            await self.wait(POLL_INTERVAL)
        return True

    async def _watch(self, fault: Fault, started: float, *, seconds: float) -> bool:
        """Wait for the end of the fault, and tell of its symptom meanwhile; whether it was seen."""
        ends_at = time.monotonic() + seconds
        was_seen = False
        while not self._interrupted.is_set() and (left := ends_at - time.monotonic()) > 0:
            await self.wait(min(left, POLL_INTERVAL))
            found = seen_since(fault.symptom, self._samples_of(fault), started)
            if not was_seen and found.after is not None:
                was_seen = True
                self._listener.seen(fault, found)
        return was_seen

    async def _inject(self, effect: dict[str, object]) -> int:
        return await asyncio.to_thread(self._session.inject, read_effect(effect))

    async def _undo(self, effects: Sequence[int]) -> str | None:
        """All of them, also if one fails: why it could not be undone."""
        problem = None
        for effect in reversed(effects):
            try:
                await asyncio.to_thread(self._session.undo, effect)
            except CommandError as error:
                problem = problem or str(error)
        return problem

    async def _recovery(
        self, fault: Fault, since: float, limits: Mapping[ProbeName, float]
    ) -> float | None:
        """Seconds until the symptom has gone and all probes and replicas are as before.

        None if they are not in time.
        """
        observation = self._observation
        deadline = time.monotonic() + fault.recovers_within + EXTRA_TIMEOUT
        while time.monotonic() < deadline:
            await asyncio.sleep(POLL_INTERVAL)
            good_since = [
                _good_since(seen, limits[name], since) for name, seen in observation.probes.items()
            ]
            unseen_since = gone_since(fault.symptom, self._samples_of(fault), since)
            moments = [observation.unready_until, unseen_since, *good_since]
            if observation.is_ready and None not in moments:
                return max([since, *filter(None, moments)]) - since
        return None

    def _samples_of(self, fault: Fault) -> Samples:
        return self._observation.values[fault.symptom.query]

    async def wait(self, seconds: float) -> None:
        """Return when this time is over, or at once when the run is to end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._interrupted.wait()


def _usual(seen: Sequence[Seen]) -> float:
    """Seconds that a request may take to be as before."""
    slowest = max((one.seconds for one in seen if one.ok), default=0.0)
    return max(USUAL_TIMES * slowest, MIN_USUAL)


def _good_since(seen: Sequence[Seen], limit: float, since: float) -> float | None:
    """When the first request of those was sent that are good until now; None without enough."""
    first, number = None, 0
    for one in reversed(seen):
        if not one.ok or one.seconds > limit:
            break
        if one.called_at < since:
            return since if number >= GOOD_IN_A_ROW else None
        first, number = one.called_at, number + 1
    return first if number >= GOOD_IN_A_ROW else None
