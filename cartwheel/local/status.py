"""What is known about a replica from outside."""

import time
from dataclasses import dataclass

import psutil

from cartwheel.local.replica import Replica
from cartwheel.local.topology import ServiceSpec


@dataclass(frozen=True)
class ReplicaStatus:
    """One replica, as `cartwheel status` shows it and an autoscaler needs it.

    ``port`` is its own; ``age`` is seconds in this state; ``memory`` is bytes (proportional
    set size where the kernel tells it); ``cpu_request`` is cores.
    """

    service: str
    replica: str
    state: str
    pid: int | None
    port: int | None
    restarts: int
    age: float
    memory: int
    cpu_request: float


def status_of(spec: ServiceSpec, replica: Replica) -> ReplicaStatus:
    """How a replica of a service is at this moment."""
    return ReplicaStatus(
        service=spec.name,
        replica=replica.name,
        state=replica.state,
        pid=replica.pid,
        port=replica.port,
        restarts=replica.restarts,
        age=round(time.monotonic() - replica.since, 1),
        memory=memory_of(replica.pid),
        cpu_request=spec.cpu_request,
    )


def memory_of(pid: int | None) -> int:
    """Bytes a process takes, shared pages counted in part; 0 when there is no process."""
    if pid is None:
        return 0
    try:
        full = psutil.Process(pid).memory_full_info()
    except psutil.Error:
        return 0
    memory: int = getattr(full, "pss", full.rss)
    return memory
