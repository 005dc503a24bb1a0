"""What runs now, for who follows it: sent at each change, without what costs time to read.

The response to ``{"command": "watch"}`` on the control socket: a `RunState` a line, the first at
once, until either side ends the connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from cartwheel.local.replica_process import Replica, State
from cartwheel.local.replica_set import ReplicaSet

Phase = Literal["starting", "running", "stopping"]


@dataclass(frozen=True)
class RunningReplica:
    """``state`` is as `cartwheel status` shows it, ``port`` the replica's own."""

    name: str
    state: State
    pid: int | None
    port: int | None
    restarts: int


@dataclass(frozen=True)
class RunningService:
    """A service and its replicas, the oldest first, without those that have stopped."""

    name: str
    url: str
    desired: int
    replicas: Sequence[RunningReplica]


@dataclass(frozen=True)
class RunState:
    """A run of the supervisor. ``autoscaled`` is the service that an autoscaler scales.

    ``faults`` are those of `cartwheel status`; their age is that when this was sent.
    """

    pid: int
    started_at: float
    phase: Phase
    services: Sequence[RunningService] = ()
    autoscaled: str | None = None
    faults: Sequence[Mapping[str, Any]] = ()

    def as_json(self) -> dict[str, Any]:
        """Can be read again with `run_state_of`."""
        document: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        return document


def run_state_of(document: dict[str, Any]) -> RunState:
    """The state that a supervisor sent. Raises `ValueError`."""
    return _ADAPTER.validate_python(document)


def running_services(replica_sets: Iterable[ReplicaSet]) -> list[RunningService]:
    return [
        RunningService(
            one.spec.name,
            one.sockets.url,
            one.desired,
            [_replica(each) for each in one.replicas if each.state is not State.STOPPED],
        )
        for one in replica_sets
    ]


class RunWatch:
    """Tells its followers of each change; several at once are one."""

    def __init__(self, read: Callable[[], RunState]) -> None:
        self._read = read
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Something has changed."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def states(self) -> AsyncIterator[dict[str, Any]]:
        while True:
            changed = self._changed
            yield self._read().as_json()
            await changed.wait()


def _replica(replica: Replica) -> RunningReplica:
    return RunningReplica(replica.name, replica.state, replica.pid, replica.port, replica.restarts)


_ADAPTER = TypeAdapter(RunState)
