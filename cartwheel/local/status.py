"""What is known about a replica from outside."""

import time
from dataclasses import dataclass

import psutil

from cartwheel.local.replica import Replica


@dataclass(frozen=True)
class ReplicaStatus:
    """One replica, as `cartwheel status` shows it and an autoscaler needs it.

    ``port`` is its own; ``age`` is seconds in this state; ``memory`` is bytes (proportional
    set size where the kernel tells it); ``cpu_request`` is cores, 0 for a store's server.
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
    log_lines_dropped: int


def status_of(replica: Replica, *, service: str, cpu_request: float = 0.0) -> ReplicaStatus:
    """How a replica of a service, or the server of a store, is at this moment."""
    return ReplicaStatus(
        service=service,
        replica=replica.name,
        state=replica.state,
        pid=replica.pid,
        port=replica.port,
        restarts=replica.restarts,
        age=round(time.monotonic() - replica.since, 1),
        memory=memory_of(replica.pid),
        cpu_request=cpu_request,
        log_lines_dropped=replica.log.lines_dropped,
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
