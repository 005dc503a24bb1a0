"""What one fault did to the shop, and whether all that must hold held."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from cartwheel.chaos.catalogue import Fault, Hold, ProbeName
from cartwheel.chaos.probes import Seen


@dataclass(frozen=True)
class SymptomSeen:
    """``after`` are seconds from the injection, None if it was not seen.

    ``value`` is the furthest that was measured, ``before`` the last one before the fault.
    """

    after: float | None
    value: float | None
    before: float | None


@dataclass(frozen=True)
class ProbeFigures:
    """What a probe saw while the fault lasted; ``slowest`` is in seconds."""

    sent: int
    ok: int
    slowest: float

    @classmethod
    def of(cls, seen: Sequence[Seen]) -> "ProbeFigures":
        slowest = max((one.seconds for one in seen), default=0.0)
        return cls(len(seen), sum(one.ok for one in seen), slowest)

    def meets(self, hold: Hold) -> bool:
        """Not if nothing was measured."""
        if not self.sent:
            return False
        if hold.ok_at_least is not None and self.ok < hold.ok_at_least * self.sent:
            return False
        return hold.responds_within is None or self.slowest <= hold.responds_within


@dataclass(frozen=True)
class FaultResult:
    """``injected_at`` is in seconds since the epoch, ``lasted`` and ``recovery`` are seconds.

    ``recovery`` is None if the shop was not as before in time. ``problem``: why the fault was not
    injected. ``undo_problem``: why it could not be undone, or not all of it.
    """

    fault: Fault
    injected_at: float
    lasted: float = 0.0
    symptom: SymptomSeen = SymptomSeen(None, None, None)
    probes: Mapping[ProbeName, ProbeFigures] = field(default_factory=dict)
    reactions: Mapping[str, Any] = field(default_factory=dict)
    reaction_sentences: Sequence[str] = ()
    recovery: float | None = None
    was_interrupted: bool = False
    problem: str | None = None
    undo_problem: str | None = None

    @property
    def holds(self) -> Sequence[tuple[Hold, bool]]:
        """What had to hold, and whether it did."""
        return [
            (hold, self.probes[hold.probe].meets(hold))
            for hold in self.fault.holds
            if hold.probe in self.probes
        ]

    @property
    def has_recovered(self) -> bool:
        return self.recovery is not None and self.recovery <= self.fault.recovers_within

    @property
    def was_seen_in_time(self) -> bool:
        after = self.symptom.after
        return after is not None and after <= self.fault.symptom.appears_within

    @property
    def is_complete(self) -> bool:
        """Whether it was seen, or lasted until its symptom was due."""
        return self.was_seen_in_time or self.symptom_was_due

    @property
    def symptom_was_due(self) -> bool:
        """Not if the fault was ended before the symptom has to appear."""
        return self.lasted >= self.fault.symptom.appears_within

    @property
    def is_good(self) -> bool:
        """Whether the fault was seen, all held, and the shop recovered."""
        if self.problem is not None or self.undo_problem is not None:
            return False
        is_seen = self.was_seen_in_time or not self.symptom_was_due
        return is_seen and self.has_recovered and all(held for _, held in self.holds)

    @property
    def as_json(self) -> Mapping[str, Any]:
        fault = self.fault
        return {
            "fault": fault.id,
            "title": fault.title,
            "breaks": fault.breaks,
            "rows": fault.rows,
            "problem": self.problem,
            "undo_problem": self.undo_problem,
            "passed": self.is_good,
            "interrupted": self.was_interrupted,
            "injected_at": self.injected_at,
            "lasted": self.lasted,
            "symptom": {
                "sentence": fault.symptom.sentence,
                "query": fault.symptom.query,
                "within": fault.symptom.appears_within,
                "passed": self.was_seen_in_time,
                **asdict(self.symptom),
            },
            "response": {"expected": fault.response, "measured": self.reactions},
            "probes": {name: asdict(figures) for name, figures in self.probes.items()},
            "holds": [{**hold.model_dump(), "passed": held} for hold, held in self.holds],
            "recovery": {
                "seconds": self.recovery,
                "within": fault.recovers_within,
                "passed": self.has_recovered,
            },
        }
