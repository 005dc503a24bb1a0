"""What is known of a soak: the load, what was done to the shop, its memory, and the checks."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cartwheel.chaos.soak.schedule import Kind
from cartwheel.consistency import Report
from loadtest.figures import Figures, Total
from loadtest.history import Operation, Outcome

MAX_MEMORY_GROWTH = 1.1
"""What the memory of the services may become, as a multiple. The checks do not depend on it."""


@dataclass(frozen=True)
class Plan:
    """What was asked for. ``command`` repeats it."""

    command: str
    seed: int
    seconds: float
    rate: float
    stores: str


@dataclass(frozen=True)
class Change:
    """Something that was done to the shop. Times are seconds since the epoch.

    ``part`` is the service or store on which it acts. ``problem`` says why it was not done.
    """

    kind: Kind
    name: str
    part: str
    words: str
    started_at: float
    ended_at: float
    problem: str | None = None

    @property
    def is_done(self) -> bool:
        return self.problem is None


@dataclass(frozen=True)
class Memory:
    """Bytes of all processes of a service or store. ``is_store`` if it grows with its data."""

    name: str
    is_store: bool
    processes: int
    before: int
    after: int

    @property
    def growth(self) -> float:
        return self.after / self.before if self.before else 1.0


@dataclass(frozen=True)
class Wait:
    """A shopper waited for a response, also for an error, from one time to the other."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass
class Soak:
    """One soak. Without a report it did not come to the checks."""

    plan: Plan
    started_at: float
    figures: list[Figures] = field(default_factory=list)
    total: Total | None = None
    changes: list[Change] = field(default_factory=list)
    memory: Sequence[Memory] = ()
    operations: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By object and call (`cart add`), then by outcome."""
    report: Report | None = None
    failures: list[str] = field(default_factory=list)
    """What went wrong with the soak itself, or that the shop did not come to rest."""
    ended_early: bool = False
    waits: Sequence[Wait] = ()

    @property
    def problems(self) -> Sequence[str]:
        """Why its outcome is not known, whatever the checks say."""
        faults = sum(one.kind is Kind.FAULT for one in self.done)
        return self.failures if faults else [*self.failures, "No fault happened."]

    @property
    def passed(self) -> bool:
        """Whether nothing was lost, and that is known."""
        return self.report is not None and self.report.passed and not self.problems

    @property
    def done(self) -> Sequence[Change]:
        """The changes that were possible."""
        return [one for one in self.changes if one.is_done]

    def add_history(self, history: Sequence[Operation], *, epoch: float) -> None:
        """``epoch`` is when the clock of the history began, in seconds since the epoch."""
        self.operations = operations_by_kind(history)
        self.waits = [Wait(epoch + one.called_at, epoch + one.returned_at) for one in history]

    def count(self, outcome: Outcome) -> int:
        return sum(counts.get(outcome, 0) for counts in self.operations.values())

    @property
    def memory_growth(self) -> float | None:
        """Of all services together; None if it was not measured."""
        services = [one for one in self.memory if not one.is_store]
        before = sum(one.before for one in services)
        return sum(one.after for one in services) / before if before else None


def operations_by_kind(history: Iterable[Operation]) -> Mapping[str, Mapping[str, int]]:
    """How many there are of each object and call, by outcome."""
    counted: dict[str, Counter[str]] = {}
    for operation in history:
        kind = f"{operation.object.split('/', 1)[0]} {operation.call}"
        counted.setdefault(kind, Counter())[operation.outcome] += 1
    return dict(sorted(counted.items()))
