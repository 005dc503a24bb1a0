"""Which faults happen, one after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from cartwheel.chaos.catalogue import Fault

SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 4.0


@dataclass(frozen=True)
class Planned:
    """A fault, and the seconds of peace before it."""

    fault: Fault
    pause: float


def random_plan(known: Sequence[Fault], *, seed: int) -> Iterator[Planned]:
    """Each of them once in a random order, then again in another one, and so on without end.

    The same faults and seed give the same plan.
    """
    random = Random(seed)
    while True:
        for fault in random.sample(known, k=len(known)):
            yield Planned(fault, random.uniform(SHORTEST_PAUSE, LONGEST_PAUSE))
