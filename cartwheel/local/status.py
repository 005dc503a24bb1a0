"""What `cartwheel status` shows of the running shop."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cartwheel.local.autoscaling.controller import Controller
from cartwheel.local.console_process import ConsoleProcess
from cartwheel.local.memory import memory_of
from cartwheel.local.replica_log import describe_dropped
from cartwheel.local.replica_process import Replica
from cartwheel.local.replica_set import ReplicaSet
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state_folder import StateFolder


@dataclass(frozen=True)
class ReplicaStatus:
    """One replica of a service, or one store process.

    ``port`` is its own; ``age`` is seconds in this state; ``memory`` is bytes (proportional
    set size where the kernel reports it).
    """

    service: str
    replica: str
    state: str
    pid: int | None
    port: int | None
    restarts: int
    age: float
    memory: int
    log_lines_dropped: int


def shop_status(
    replica_sets: Mapping[str, ReplicaSet],
    stores: Sequence[Replica],
    *,
    controller: Controller | None,
    faults: Sequence[Mapping[str, Any]],
    console: ConsoleProcess | None,
    settings: LocalSettings,
    state: StateFolder,
) -> dict[str, Any]:
    """The whole run, ready to be sent as JSON. ``memory`` includes the supervisor's."""
    services = {
        name: [_replica_status(one, service=name) for one in replicas.replicas]
        for name, replicas in replica_sets.items()
    }
    servers = [_replica_status(one, service=one.name) for one in stores]
    everything = [*(one for replicas in services.values() for one in replicas), *servers]
    of_console = console.status() if console else None
    memory = sum(one.memory for one in everything) + (of_console or {}).get("memory", 0)
    return {
        "pid": os.getpid(),
        "state_dir": str(state.root),
        "stores": settings.stores,
        "settings": _effective(settings, replica_sets, console, state).model_dump(mode="json"),
        "memory": memory_of(os.getpid()) + memory,
        "problems": [*_problems(replica_sets, stores, controller)],
        "faults": faults,
        "autoscaler": controller.status() if controller else None,
        "services": [
            {
                "service": name,
                "url": replicas.sockets.url,
                "desired": replicas.desired,
                "ready": len(replicas.ready),
                "replicas": [asdict(one) for one in services[name]],
            }
            for name, replicas in replica_sets.items()
        ],
        "console": of_console,
        "servers": [asdict(one) for one in servers],
    }


def _replica_status(replica: Replica, *, service: str) -> ReplicaStatus:
    return ReplicaStatus(
        service=service,
        replica=replica.name,
        state=replica.state,
        pid=replica.pid,
        port=replica.port,
        restarts=replica.restarts,
        age=round(time.monotonic() - replica.state_since, 1),
        memory=memory_of(replica.pid),
        log_lines_dropped=replica.log.lines_dropped,
    )


def _effective(
    settings: LocalSettings,
    replica_sets: Mapping[str, ReplicaSet],
    console: ConsoleProcess | None,
    state: StateFolder,
) -> LocalSettings:
    """The settings with the ports that the kernel chose and an absolute state folder."""
    ports = {f"port_{name}": one.sockets.port for name, one in replica_sets.items()}
    if console:
        ports["port_console"] = console.port
    return settings.model_copy(update={**ports, "state_dir": state.root})


def _problems(
    replica_sets: Mapping[str, ReplicaSet],
    stores: Sequence[Replica],
    controller: Controller | None,
) -> Iterator[str]:
    """Problems that the state of a replica does not show."""
    for name, replicas in replica_sets.items():
        if replicas.endpoints_problem:
            yield f"{name}: {replicas.endpoints_problem}; callers do not know who is ready"
    if controller:
        yield from controller.problems
    for one in [*stores, *(one for each in replica_sets.values() for one in each.replicas)]:
        if one.log.lines_dropped:
            yield f"{one.name}: of its log, {describe_dropped(one.log.lines_dropped)}"
