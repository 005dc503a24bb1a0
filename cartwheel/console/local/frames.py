"""A frame of the local run: what runs, what the traffic is, and what keeps it from being seen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from cartwheel.console.local.problems import ScrapeFailure
from cartwheel.local.replica_process import SCRAPED_STATES, State
from cartwheel.local.run_state import RunningReplica, RunningService, RunState
from cartwheel.mesh import FaultState, Frame, LoadState, ReplicaState, ServiceState
from cartwheel.mesh.frame import Phase
from cartwheel.mesh.traffic import NO_REPLICA_TRAFFIC, Traffic

PHASES: Mapping[State, Phase] = {
    State.STARTING: "starting",
    State.READY: "ready",
    State.NOT_READY: "starting",
    State.CRASHED: "crashed",
    State.DRAINING: "draining",
    State.STOPPED: "draining",
}
RESTARTED = "restarted"


@dataclass(frozen=True)
class Seen:
    """What was seen of a run at one moment.

    ``restarted`` are replicas whose process ended since the last frame, ``failures`` why replicas
    could not be scraped now.
    """

    at: float
    run: RunState | None
    traffic: Traffic = field(default_factory=Traffic)
    earlier_traffic: Sequence[Traffic] = ()
    restarted: Collection[str] = ()
    failures: Sequence[ScrapeFailure] = ()
    load: LoadState | None = None
    faults: Sequence[FaultState] = ()
    problem: str = ""


def frame_of(seen: Seen) -> Frame:
    """The frame, still without its autoscaler and headline."""
    services = seen.run.services if seen.run else ()
    return Frame(
        seen.at,
        services=[_service(one, seen) for one in services],
        edges=seen.traffic.edges(seen.earlier_traffic),
        load=seen.load,
        faults=seen.faults,
        problem=seen.problem,
    )


def _service(service: RunningService, seen: Seen) -> ServiceState:
    replicas = [_replica(one, seen) for one in service.replicas]
    traffic = seen.traffic.service(service.name)
    return traffic.added_to(ServiceState(service.name, service.desired, replicas))


def _replica(replica: RunningReplica, seen: Seen) -> ReplicaState:
    phase, reason = _phase(replica, seen)
    # Rates last as long as their window, also those of a process that has ended.
    is_measured = phase != "crashed" and replica.state in SCRAPED_STATES
    traffic = seen.traffic.replica(replica.name) if is_measured else NO_REPLICA_TRAFFIC
    return traffic.added_to(
        ReplicaState(replica.name, phase, restarts=replica.restarts, reason=reason)
    )


def _phase(replica: RunningReplica, seen: Seen) -> tuple[Phase, str]:
    """The phase, and why it is not as it should be."""
    state = replica.state
    if state is State.CRASHED:
        return "crashed", str(state)
    if state is not State.NOT_READY and replica.name in seen.restarted:
        # It is back already: it is shown for one frame.
        return "crashed", RESTARTED
    failure = next((one.reason for one in seen.failures if one.replica == replica.name), "")
    if state is State.READY:
        is_serving = not failure and seen.traffic.replica(replica.name).is_serving
        return ("serving" if is_serving else "ready"), failure
    return PHASES[state], (failure or str(state)) if state is State.NOT_READY else ""
