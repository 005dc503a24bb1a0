"""A frame of the local run: what runs, what the traffic is, and what keeps it from being seen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from cartwheel.console.local.problems import ScrapeFailure
from cartwheel.local.replica_process import State
from cartwheel.local.run_state import RunningReplica, RunningService, RunState
from cartwheel.mesh import FaultState, Frame, LoadState, ReplicaState, ServiceState
from cartwheel.mesh.frame import Phase
from cartwheel.mesh.traffic import Traffic

PHASES: Mapping[State, Phase] = {
    State.STARTING: "starting",
    State.READY: "ready",
    State.NOT_READY: "starting",
    State.CRASHED: "crashed",
    State.DRAINING: "draining",
    State.STOPPED: "draining",
}
NOT_AS_IT_SHOULD_BE = (State.NOT_READY, State.CRASHED)
RESTARTED = "restarted"


@dataclass(frozen=True)
class Seen:
    """What was seen of a run at one moment.

    ``restarted`` are replicas whose process ended since the last frame, ``failures`` why replicas
    could not be scraped.
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
    traffic = seen.traffic.service(service.name)
    return ServiceState(
        service.name,
        service.desired,
        replicas=[_replica(one, seen) for one in service.replicas],
        rate=traffic.rate,
        errors=traffic.errors,
        shed=traffic.shed,
        p95=traffic.p95,
        store=traffic.store,
    )


def _replica(replica: RunningReplica, seen: Seen) -> ReplicaState:
    traffic = seen.traffic.replica(replica.name)
    phase, reason = PHASES[replica.state], ""
    if replica.state in NOT_AS_IT_SHOULD_BE:
        reason = str(replica.state)
    elif replica.name in seen.restarted:
        # It is back already: it is shown for one frame.
        phase, reason = "crashed", RESTARTED
    elif replica.state is State.READY:
        phase = "serving" if traffic.is_serving else "ready"
        reason = next((one.reason for one in seen.failures if one.replica == replica.name), "")
    return ReplicaState(
        replica.name,
        phase,
        rate=traffic.rate,
        cpu=traffic.cpu,
        memory=traffic.memory,
        in_flight=traffic.in_flight,
        restarts=replica.restarts,
        reason=reason,
    )
