"""What is done to the shop during a soak, and when: drawn from a seed, before it begins.

Faults come alone or in pairs that hit different parts of the shop, and after them there is a pause,
so that the shop always makes progress again. Beside them each service in turn is restarted, and
scaled out and in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

MIN_FAULT_SECONDS, MAX_FAULT_SECONDS = 2.0, 8.0
"""A fault of the catalogue may last longer when it is run alone."""
MIN_PAUSE, MAX_PAUSE = 2.0, 5.0
PAIR_SHARE = 0.25
PAIR_DELAY = 1.0
"""Seconds between the beginnings of the two."""
MIN_CHANGE_INTERVAL = 4.0
"""Seconds that a restart or a scaling usually takes at least."""


class Kind(StrEnum):
    FAULT = "fault"
    RESTART = "restart"
    SCALE_OUT = "scale out"
    SCALE_IN = "scale in"


@dataclass(frozen=True)
class Candidate:
    """A fault that may be drawn. ``hits`` are the services and stores that it acts on."""

    name: str
    seconds: float
    hits: frozenset[str]


@dataclass(frozen=True)
class Step:
    """``at`` and ``seconds`` count from the start. Restarts and scalings take as long as they take.

    ``name`` is the fault's or the service's.
    """

    at: float
    kind: Kind
    name: str
    seconds: float = 0.0

    @property
    def ends_at(self) -> float:
        return self.at + self.seconds


def schedule(
    candidates: Sequence[Candidate], services: Sequence[str], *, seed: int, seconds: float
) -> Sequence[Step]:
    """The steps in the order of time; the same for the same arguments."""
    ordered = sorted(candidates, key=lambda one: one.name)
    # Two generators, so that a new fault in the catalogue does not move the restarts.
    faults = [*_faults(ordered, Random(f"{seed} faults"), seconds=seconds)] if ordered else []
    changes = _changes(sorted(services), Random(f"{seed} changes"), seconds=seconds)
    return sorted([*faults, *changes], key=lambda step: step.at)


def _faults(candidates: Sequence[Candidate], random: Random, *, seconds: float) -> Iterator[Step]:
    drawn = _drawn(candidates, random)
    at = random.uniform(0, MIN_PAUSE)
    held: Candidate | None = None
    while True:
        first = held or next(drawn)
        held = None
        steps = [_fault(first, random, at=at)]
        if random.random() < PAIR_SHARE:
            held = next(drawn)
            if not held.hits & first.hits:
                steps.append(_fault(held, random, at=at + PAIR_DELAY))
                held = None
        end = max(step.ends_at for step in steps)
        if end > seconds:
            return
        yield from steps
        at = end + random.uniform(MIN_PAUSE, MAX_PAUSE)


def _drawn(candidates: Sequence[Candidate], random: Random) -> Iterator[Candidate]:
    """Each once in random order, then all again."""
    while True:
        yield from random.sample(candidates, k=len(candidates))


def _fault(candidate: Candidate, random: Random, *, at: float) -> Step:
    longest = min(max(candidate.seconds, MIN_FAULT_SECONDS), MAX_FAULT_SECONDS)
    length = random.uniform(MIN_FAULT_SECONDS, longest)
    return Step(round(at, 2), Kind.FAULT, candidate.name, round(length, 2))


def _changes(services: Sequence[str], random: Random, *, seconds: float) -> Sequence[Step]:
    """A rolling restart of each service, and between two of them one is scaled out and in."""
    names = random.sample(services, k=len(services))
    rounds = [
        change
        for restarted, scaled in zip(names, [*names[1:], *names[:1]], strict=True)
        for change in (
            (Kind.RESTART, restarted),
            (Kind.SCALE_OUT, scaled),
            (Kind.SCALE_IN, scaled),
        )
    ]
    fitting = rounds[: int(seconds / MIN_CHANGE_INTERVAL)]
    interval = seconds / (len(fitting) or 1)
    return [
        Step(round((number + random.uniform(0.1, 0.5)) * interval, 2), kind, name)
        for number, (kind, name) in enumerate(fitting)
    ]
