"""What a simulation did, and the figures that compare one with another."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median

from cartwheel.simulation.assumptions import Assumptions
from cartwheel.simulation.load_shape import LoadShape
from cartwheel.simulation.workload import Overload

# A change in the other direction that comes later is no flapping: the load may have changed.
FLAPPING_WINDOW = 600.0


@dataclass(frozen=True)
class Change:
    """A decision that changed the count, with its sentences (none on the quick path)."""

    at: float
    before: int
    after: int
    sentences: Sequence[str] = ()


@dataclass(frozen=True)
class Figures:
    """What a run came to. Times are in seconds where the name does not say minutes.

    ``reaction`` are, over the overloads that the autoscaler ended, the median until the first
    decision for more replicas, the median until they served the load, and the longest of these.
    """

    syncs: int
    mean_replicas: float
    peak_replicas: int
    mean_utilization: float
    requests: float
    over_capacity: float
    shed: float
    lost_minutes: float
    reaction_decision: float | None
    reaction_serving: float | None
    reaction_longest: float | None
    changes: int
    reversals: int
    replica_minutes: float


@dataclass(frozen=True)
class Run:
    """A finished simulation of one autoscaler. Counts are steps: a time and the count from then."""

    name: str
    source: str
    shape: LoadShape
    assumptions: Assumptions
    counts: Sequence[tuple[float, int]]
    ready_counts: Sequence[tuple[float, int]]
    overloads: Sequence[Overload]
    changes: Sequence[Change]
    figures: Figures

    def to_json(self) -> Mapping[str, object]:
        return {
            "name": self.name,
            "source": self.source,
            "assumptions": asdict(self.assumptions),
            "figures": asdict(self.figures),
            "replicas": self.counts,
            "ready": self.ready_counts,
            "overloads": [(one.start, one.end) for one in self.overloads],
            "changes": [asdict(one) for one in self.changes],
        }


def reactions(
    overloads: Sequence[Overload], changes: Sequence[Change], *, end: float
) -> list[tuple[float, float]]:
    """For each overload that ended with more replicas: until the decision, until they served."""
    found = []
    for overload in overloads:
        first = next(
            (
                one.at
                for one in changes
                if one.after > one.before and overload.start <= one.at <= overload.end
            ),
            None,
        )
        if first is not None and overload.end < end:
            found.append((first - overload.start, overload.end - overload.start))
    return found


def reversals(changes: Sequence[Change]) -> int:
    """How often the count changed its direction again within ten minutes."""
    return sum(
        (before.after > before.before) != (after.after > after.before)
        and after.at - before.at <= FLAPPING_WINDOW
        for before, after in pairwise(changes)
    )


def summary(
    reacted: Sequence[tuple[float, float]],
) -> tuple[float | None, float | None, float | None]:
    """The three figures of ``reaction``; None without an overload."""
    if not reacted:
        return None, None, None
    decided, served = zip(*reacted, strict=True)
    return median(decided), median(served), max(served)
