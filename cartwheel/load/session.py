"""What is known of a load: its figures, the replicas meanwhile, and the decisions about them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from cartwheel.autoscaling.sentence import Sentence
from cartwheel.consistency import Report
from loadtest.arrivals import Stage
from loadtest.figures import Figures, Total

MIN_OUTAGE = 1.0
"""Seconds. A shorter time without any response is not mentioned."""


@dataclass(frozen=True)
class ReplicaCounts:
    """Replicas of the scaled service from ``at`` on: asked for, ready, taking requests."""

    at: float
    desired: int
    ready: int
    serving: int


@dataclass(frozen=True)
class ScalingDecision:
    """A change that the autoscaler asked for, and why: in a few words, and in sentences."""

    at: float
    current: int
    desired: int
    summary: str
    sentences: Sequence[Sentence]


@dataclass(frozen=True)
class Outage:
    """A time without any response, although requests waited for one or failed."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass
class Session:
    """One load. ``service`` is the one whose replicas are shown; None if nothing is known of any.

    ``asked`` is the sum of the stages: the load may have been ended earlier. ``consistency`` is
    what its history shows, if it was checked.
    """

    target: str
    scenario: str
    stages: Sequence[Stage]
    service: str | None = None
    figures: list[Figures] = field(default_factory=list)
    replicas: list[ReplicaCounts] = field(default_factory=list)
    decisions: list[ScalingDecision] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    total: Total | None = None
    consistency: Report | None = None

    @property
    def seconds(self) -> float:
        """How long the load is to last."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def started_at(self) -> float | None:
        return self.figures[0].started_at if self.figures else None

    @property
    def seconds_due(self) -> float:
        """How long requests were due, without the wait for the last responses."""
        return min(sum(one.seconds for one in self.figures_due), self.seconds)

    @property
    def figures_due(self) -> Sequence[Figures]:
        """Until no more requests were due."""
        last = max((n for n, one in enumerate(self.figures, 1) if one.due), default=0)
        return self.figures[:last]

    @property
    def outage(self) -> Outage | None:
        """The one that goes on: only a response ends it."""
        last = self.outages[-1] if self.outages else None
        return last if last and last.end == self.figures[-1].at else None

    @property
    def most_serving(self) -> int | None:
        """The most replicas that served at once; None if nothing is known of them."""
        return max((one.serving for one in self.replicas), default=None)

    def add_figures(self, figures: Figures) -> None:
        before, outage = self.figures[-1] if self.figures else None, self.outage
        self.figures.append(figures)
        self.failures.update(figures.failures)
        self.missed += figures.missed
        if figures.responses:
            return
        if outage:
            self.outages[-1] = replace(outage, end=figures.at)
        elif figures.seconds >= MIN_OUTAGE / 2:
            self._find_outage(figures, before)

    def _find_outage(self, figures: Figures, before: Figures | None) -> None:
        """Whether one has begun with these figures, or with the ones before."""
        if before and before.in_flight:  # and so they have waited all the time of these figures
            start = figures.started_at if before.responses else before.started_at
            self.outages.append(Outage(start, figures.at))
        elif figures.failures or figures.missed:
            self.outages.append(Outage(figures.started_at, figures.at))
