"""The loop: the load arrives, the metrics see it late, the autoscaler decides, replicas start."""

from typing import Protocol

from cartwheel.simulation.assumptions import Assumptions
from cartwheel.simulation.run import Change, Figures, Run, reactions, reversals, summary
from cartwheel.simulation.workload import Workload


class Controller(Protocol):
    """Decides on the workload that it was made for, at the workload's time."""

    def sync(self) -> int:
        """The desired number of replicas."""
        ...

    def sentences(self) -> list[str]:
        """Why, for the last sync."""
        ...


class Simulation:
    """One autoscaler under one load; `step` goes to the next sync."""

    def __init__(
        self, workload: Workload, controller: Controller, assumptions: Assumptions
    ) -> None:
        self.workload = workload
        self.controller = controller
        self.assumptions = assumptions
        self.changes: list[Change] = []
        self.syncs = 0
        self._next_sync = workload.shape.start

    @property
    def is_over(self) -> bool:
        return self._next_sync >= self.workload.shape.end

    def step(self) -> None:
        """Serve until the next sync, and do what it decides."""
        workload = self.workload
        workload.advance(self._next_sync)
        desired = self.controller.sync()
        current = len(workload.replicas)
        if desired != current:
            sentences = self.controller.sentences()
            self.changes.append(Change(workload.now, current, desired, sentences))
            workload.scale(desired)
        self.syncs += 1
        self._next_sync += self.assumptions.sync

    def run(self, *, name: str, source: str = "") -> Run:
        """Go on to the end of the load."""
        while not self.is_over:
            self.step()
        self.workload.advance(self.workload.shape.end)
        self.workload.finish()
        return Run(
            name,
            source,
            self.workload.shape,
            self.assumptions,
            self.workload.counts,
            self.workload.ready_counts,
            self.workload.overloads,
            self.changes,
            self._figures(),
        )

    def _figures(self) -> Figures:
        workload, shape = self.workload, self.workload.shape
        decision, serving, longest = summary(
            reactions(workload.overloads, self.changes, end=shape.end)
        )
        return Figures(
            syncs=self.syncs,
            mean_replicas=workload.replica_seconds / (shape.end - shape.start),
            peak_replicas=max(count for _, count in workload.counts),
            mean_utilization=workload.served / workload.capacity if workload.capacity else 0.0,
            requests=shape.arrived(shape.end),
            over_capacity=workload.over_capacity,
            shed=workload.shed,
            lost_minutes=workload.lost / 60,
            reaction_decision=decision,
            reaction_serving=serving,
            reaction_longest=longest,
            changes=len(self.changes),
            reversals=reversals(self.changes),
            replica_minutes=workload.replica_seconds / 60,
        )
