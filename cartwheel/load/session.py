"""What is known of a load: its figures, the replicas meanwhile, and the decisions about them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from cartwheel.autoscaling.sentence import Sentence
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
    """A change that the autoscaler asked for, and why."""

    at: float
    current: int
    desired: int
    sentences: Sequence[Sentence]


@dataclass(frozen=True)
class Outage:
    """A time without any response, although requests were sent."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass
class Session:
    """One load. ``service`` is the one whose replicas are shown; None if nothing is known of any.

    ``asked`` is the sum of the stages: the load may have been ended earlier.
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

    @property
    def seconds(self) -> float:
        """How long the load is to last."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def started_at(self) -> float | None:
        first = self.figures[0] if self.figures else None
        return first.at - first.seconds if first else None

    @property
    def outage(self) -> Outage | None:
        """The one that goes on."""
        last = self.outages[-1] if self.outages else None
        return last if last and self.figures[-1].is_without_response else None

    @property
    def most_serving(self) -> int | None:
        """The most replicas that served at once; None if nothing is known of them."""
        return max((one.serving for one in self.replicas), default=None)

    def add_figures(self, figures: Figures) -> None:
        was_out = bool(self.figures) and self.figures[-1].is_without_response
        self.figures.append(figures)
        self.failures.update(figures.failures)
        self.missed += figures.missed
        if not figures.is_without_response or figures.seconds < MIN_OUTAGE / 2:
            return
        if was_out and self.outages:
            self.outages[-1] = Outage(self.outages[-1].start, figures.at)
        else:
            self.outages.append(Outage(figures.at - figures.seconds, figures.at))
